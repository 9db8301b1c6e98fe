#include "gmoe/data/corpus.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <type_traits>

#include "temporary_directory.hpp"

using namespace std::string_view_literals;

namespace {

std::string text_of(const gmoe::corpus& c) { return {c.bytes().begin(), c.bytes().end()}; }

}  // namespace

TEST_CASE("data/corpus: a file is taken as it is") {
  const gmoe_test::temporary_directory directory;
  const auto text = "a \0 b\n\xff"sv;
  const auto c =
      gmoe::corpus::read(directory.write(".hidden.bin", text));  // named, so neither hidden nor binary counts
  CHECK(text_of(c) == text);
  CHECK(c.files() == 1);
  CHECK(c.describe() == "7 bytes from 1 file");
}

TEST_CASE("data/corpus: a directory is its text files in order") {
  const gmoe_test::temporary_directory directory;
  directory.write("b.txt", "second");
  directory.write("a/z.txt", "first\n");
  directory.write("c/d/e.txt", "last");
  directory.write("b.empty", "");
  directory.write("aa-binary", "text\0text"sv);
  directory.write("zz-binary", std::string(1023, 'x') + '\0');
  directory.write(".hidden", "no");
  directory.write(".git/config", "no");
  directory.write("c/.also", "no");
  std::filesystem::create_directory_symlink(directory.path(), directory.path() / "loop");
  std::filesystem::create_symlink(directory.path() / "nowhere", directory.path() / "dangling");
  const auto c = gmoe::corpus::read(directory.path());
  CHECK(text_of(c) == "first\n\nsecond\nlast");
  CHECK(c.files() == 3);
  CHECK(c.hidden_skipped() == 3);
  CHECK(c.binary_skipped() == 2);
  CHECK(c.describe() == "18 bytes from 3 files (3 hidden and 2 binary skipped)");
}

TEST_CASE("data/corpus: a NUL byte after the first KiB does not make a file binary") {
  const gmoe_test::temporary_directory directory;
  const std::string text = std::string(1024, 'x') + '\0' + "end";
  directory.write("long", text);
  CHECK(text_of(gmoe::corpus::read(directory.path())) == text);
}

TEST_CASE("data/corpus: moves keep the bytes where they are") {
  static_assert(!std::is_copy_constructible_v<gmoe::corpus> && std::is_nothrow_move_constructible_v<gmoe::corpus>);
  const gmoe_test::temporary_directory directory;
  const auto file = directory.write("text", "some text");
  for (const auto& path : {file, directory.path()}) {
    auto from = gmoe::corpus::read(path);
    const auto bytes = from.bytes();
    const auto to = std::move(from);
    CHECK(to.bytes().data() == bytes.data());
    CHECK(text_of(to) == "some text");
  }
}

TEST_CASE("data/corpus: a text in memory") {
  const auto c = gmoe::corpus::from_text("to be\xc3\xa9");
  CHECK(text_of(c) == "to be\xc3\xa9");
  CHECK(c.bytes()[6] == 0xA9);
  CHECK(c.describe() == "7 bytes");
  CHECK_THROWS_AS(gmoe::corpus::from_text(""), gmoe::data_error);
}

TEST_CASE("data/corpus: errors name the path and the reason") {
  const gmoe_test::temporary_directory directory;
  const auto read = [&](const char* name) { return gmoe::corpus::read(directory.path() / name); };
  CHECK_THROWS_WITH_AS(read("none"), doctest::Contains("none\" does not exist"), gmoe::file_error);
  directory.write("empty", "");
  CHECK_THROWS_WITH_AS(read("empty"), doctest::Contains("empty\" is empty"), gmoe::data_error);
  directory.write("binaries/one", "\0"sv);
  directory.write("binaries/.two", "x");
  CHECK_THROWS_WITH_AS(read("binaries"), doctest::Contains("1 files examined, 1 of them binary, and 1 hidden"),
                       gmoe::data_error);
  std::filesystem::create_directory(directory.path() / "bare");
  CHECK_THROWS_AS(read("bare"), gmoe::data_error);
  std::filesystem::create_symlink(directory.path() / "self", directory.path() / "self");
  CHECK_THROWS_WITH_AS(read("self"), doctest::Contains("self\" cannot be read"), gmoe::file_error);
  REQUIRE(::mkfifo((directory.path() / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(read("pipe"), doctest::Contains("neither a regular file nor a directory"), gmoe::file_error);
}

TEST_CASE("data/corpus: what may not be read is an error, not left out" *
          doctest::skip(::geteuid() == 0)) {  // root may read everything
  const gmoe_test::temporary_directory directory;
  directory.write("open", "text");
  std::filesystem::permissions(directory.write("closed", "text"), std::filesystem::perms::none);
  CHECK_THROWS_WITH_AS(gmoe::corpus::read(directory.path()), doctest::Contains("Permission denied"), gmoe::file_error);
  CHECK_THROWS_AS(gmoe::corpus::read(directory.path() / "closed"), gmoe::file_error);
}
