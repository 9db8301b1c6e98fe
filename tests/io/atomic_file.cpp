#include "gmoe/io/atomic_file.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "io/temp_folder.hpp"

using gmoe::atomic_file;
using gmoe::atomic_write;
using gmoe::file_error;
using gmoe_test::message_of;
using gmoe_test::slurp;
using gmoe_test::spill;
using gmoe_test::temp_folder;

TEST_CASE("io/atomic_file: writes a new file and replaces an old one, leaving nothing else") {
  const temp_folder folder;
  atomic_write(folder / "log", "one");
  CHECK(slurp(folder / "log") == "one");
  atomic_write(folder / "log", "");
  CHECK(slurp(folder / "log") == "");
  atomic_write(folder / "log", [](atomic_file& file) {
    file.write("two ");
    file.write("three");
  });
  CHECK(slurp(folder / "log") == "two three");
  CHECK(folder.count() == 1);
}

TEST_CASE("io/atomic_file: the old file is there until the commit") {
  const temp_folder folder;
  spill(folder / "log", "old");
  {
    atomic_file file(folder / "log");
    file.write("new");
    CHECK(slurp(folder / "log") == "old");
    CHECK(folder.count() == 2);
    file.commit();
    CHECK(slurp(folder / "log") == "new");
    CHECK(folder.count() == 1);
  }
  CHECK(slurp(folder / "log") == "new");
}

TEST_CASE("io/atomic_file: an exception in the writer leaves the old file and no temporary one") {
  const temp_folder folder;
  spill(folder / "log", "old");
  CHECK_THROWS_AS(atomic_write(folder / "log",
                               [](atomic_file& file) {
                                 file.write("half");
                                 throw std::runtime_error("stop");
                               }),
                  std::runtime_error);
  CHECK(slurp(folder / "log") == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("io/atomic_file: a full disk leaves the old file and no temporary one") {
  const temp_folder folder;
  spill(folder / "log", "old");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1000;  // the second write crosses this in its middle
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string message = message_of<file_error>([&] {
    atomic_write(folder / "log", [](atomic_file& file) {
      file.write(std::string(700, 'x'));
      file.write(std::string(700, 'x'));
    });
  });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  CHECK_HAS(message, "log': failed to write: File too large");
  CHECK(slurp(folder / "log") == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("io/atomic_file: a directory that cannot be written is named, its files stay") {
  const temp_folder folder;
  spill(folder / "log", "old");
  std::filesystem::permissions(folder.path, std::filesystem::perms(0555));
  const bool root = ::geteuid() == 0;  // to whom permissions do not apply
  if (root) REQUIRE(::seteuid(65534) == 0);
  const std::string message = message_of<file_error>([&] { atomic_write(folder / "log", "new"); });
  if (root) REQUIRE(::seteuid(0) == 0);
  std::filesystem::permissions(folder.path, std::filesystem::perms(0755));
  CHECK_HAS(message, "log': failed to create a temporary file in its directory: Permission denied");
  CHECK(slurp(folder / "log") == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("io/atomic_file: targets that cannot be files are refused") {
  const temp_folder folder;
  spill(folder / "file", "x");
  std::filesystem::create_directory(folder / "sub");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_HAS(message_of<file_error>([&] { atomic_write(folder / "absent" / "log", "x"); }), "No such file");
  CHECK_HAS(message_of<file_error>([&] { atomic_write(folder / "file" / "log", "x"); }), "Not a directory");
  CHECK_HAS(message_of<file_error>([&] { atomic_write(folder / "sub", "x"); }), "is not a file");
  CHECK_HAS(message_of<file_error>([&] { atomic_write(folder / "pipe", "x"); }), "is not a file");
  CHECK_HAS(message_of<file_error>([&] { atomic_write(folder.path / "", "x"); }), "no file name");
  CHECK_HAS(message_of<file_error>([&] { atomic_write("", "x"); }), "no file name");
  CHECK(folder.count() == 3);
}

TEST_CASE("io/atomic_file: permissions of an old file are kept, a new one follows the umask") {
  const temp_folder folder;
  const auto mode = [&](const char* name) { return std::filesystem::status(folder / name).permissions(); };
  spill(folder / "old", "x");
  std::filesystem::permissions(folder / "old", std::filesystem::perms(0640));
  const auto before = ::umask(0027);
  atomic_write(folder / "old", "y");
  atomic_write(folder / "new", "y");
  ::umask(before);
  CHECK(mode("old") == std::filesystem::perms(0640));
  CHECK(mode("new") == std::filesystem::perms(0640));
  std::filesystem::permissions(folder / "old", std::filesystem::perms(0600));
  atomic_write(folder / "old", "z");
  CHECK(mode("old") == std::filesystem::perms(0600));
}

TEST_CASE("io/atomic_file: a symbolic link is replaced, what it points to stays") {
  const temp_folder folder;
  spill(folder / "target", "old");
  std::filesystem::create_symlink("target", folder / "link");
  atomic_write(folder / "link", "new");
  CHECK(slurp(folder / "target") == "old");
  CHECK(slurp(folder / "link") == "new");
  CHECK_FALSE(std::filesystem::is_symlink(folder / "link"));
}

TEST_CASE("io/atomic_file: a relative path without a directory means the current one") {
  const temp_folder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path);
  atomic_write("log", "here");
  std::filesystem::current_path(before);
  CHECK(slurp(folder / "log") == "here");
}
