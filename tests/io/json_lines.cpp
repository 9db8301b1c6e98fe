#include "gmoe/io/json_lines.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <limits>

#include "io/temp_folder.hpp"

using gmoe::file_error;
using gmoe::json_lines;
using gmoe_test::message_of;
using gmoe_test::slurp;
using gmoe_test::spill;
using gmoe_test::temp_folder;

namespace {

const auto all = [](const nlohmann::json&) { return true; };

}  // namespace

TEST_CASE("io/json_lines: appends, and keeps what is asked for") {
  const temp_folder folder;
  {
    json_lines log(folder / "log", all);
    for (int i = 0; i < 4; ++i) log.write({{"step", i}});
    log.write({{"loss", std::numeric_limits<double>::infinity()}});
  }
  CHECK(slurp(folder / "log") == "{\"step\":0}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"loss\":null}\n");
  json_lines log(folder / "log", [](const nlohmann::json& o) { return o.contains("step") && o["step"] < 2; });
  log.write({{"step", 7}});
  CHECK(slurp(folder / "log") == "{\"step\":0}\n{\"step\":1}\n{\"step\":7}\n");
  CHECK(folder.count() == 1);
}

TEST_CASE("io/json_lines: half a last line is dropped, any other line that is no object refused") {
  const temp_folder folder;
  spill(folder / "log", "{\"step\":0}\n{\"step\":1}\n{\"st");
  { json_lines log(folder / "log", all); }
  CHECK(slurp(folder / "log") == "{\"step\":0}\n{\"step\":1}\n");
  const std::string damaged = "{\"step\":0}\n{\"st\x1b\n{\"step\":2}\n";
  spill(folder / "log", damaged);
  const std::string message = message_of<file_error>([&] { json_lines log(folder / "log", all); });
  CHECK_HAS(message, "log': line 2 is no JSON object: '{\"st\\x1b'");
  CHECK(slurp(folder / "log") == damaged);
}

TEST_CASE("io/json_lines: a log that cannot be read is not taken for none") {
  const temp_folder folder;
  std::filesystem::create_directory(folder / "dir");
  CHECK_HAS(message_of<file_error>([&] { json_lines log(folder / "dir", all); }), "dir': the log is not a file");
  const std::string history = "{\"step\":0}\n";
  spill(folder / "log", history);
  std::filesystem::permissions(folder / "log", std::filesystem::perms(0200));
  std::filesystem::permissions(folder.path, std::filesystem::perms(0777));
  const bool root = ::geteuid() == 0;  // to whom permissions do not apply
  if (root) REQUIRE(::chown((folder / "log").c_str(), 65534, 65534) == 0);
  if (root) REQUIRE(::seteuid(65534) == 0);
  const std::string message = message_of<file_error>([&] { json_lines log(folder / "log", all); });
  if (root) REQUIRE(::seteuid(0) == 0);
  CHECK_HAS(message, "log': failed to open the log: Permission denied");
  std::filesystem::permissions(folder / "log", std::filesystem::perms(0600));
  CHECK(slurp(folder / "log") == history);
}

TEST_CASE("io/json_lines: a line that cannot be written says why") {
  const temp_folder folder;
  json_lines log(folder / "log", all);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 100;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string message = message_of<file_error>([&] { log.write({{"text", std::string(200, 'x')}}); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK_HAS(message, "log': failed to write a line of the log: File too large");
  // What the failure left of the line is dropped by the next run.
  CHECK(slurp(folder / "log").size() == 100);
  { json_lines next(folder / "log", all); }
  CHECK(slurp(folder / "log") == "");
}
