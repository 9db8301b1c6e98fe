#include "gmoe/data/mapped_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <string>
#include <type_traits>

#include "temporary_directory.hpp"

namespace {

std::string text_of(const gmoe::mapped_file& file) { return {file.bytes().begin(), file.bytes().end()}; }

}  // namespace

TEST_CASE("data/mapped_file: shows every byte of a file, across pages") {
  const gmoe_test::temporary_directory directory;
  std::string text;
  for (int i = 0; i < 10000; ++i) text.push_back(static_cast<char>(i * 7));
  CHECK(text_of(gmoe::mapped_file(directory.write("bytes", text))) == text);
  CHECK(gmoe::mapped_file(directory.write("empty", "")).bytes().empty());
}

TEST_CASE("data/mapped_file: moves hand over the mapping") {
  static_assert(!std::is_copy_constructible_v<gmoe::mapped_file> && !std::is_copy_assignable_v<gmoe::mapped_file>);
  const gmoe_test::temporary_directory directory;
  gmoe::mapped_file first(directory.write("a", "first"));
  const auto* start = first.bytes().data();
  gmoe::mapped_file second(std::move(first));
  CHECK(second.bytes().data() == start);
  CHECK(first.bytes().empty());
  gmoe::mapped_file other(directory.write("b", "other"));
  other = std::move(second);
  CHECK(other.bytes().data() == start);
  CHECK(text_of(other) == "first");
  CHECK(second.bytes().empty());
}

TEST_CASE("data/mapped_file: refuses what is missing or not a regular file") {
  const gmoe_test::temporary_directory directory;
  CHECK_THROWS_WITH_AS(gmoe::mapped_file(directory.path() / "none"), doctest::Contains("No such file"),
                       gmoe::file_error);
  CHECK_THROWS_WITH_AS(gmoe::mapped_file(directory.path()), doctest::Contains("not a regular file"), gmoe::file_error);
  const auto pipe = directory.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(gmoe::mapped_file{pipe}, doctest::Contains("not a regular file"), gmoe::file_error);
}
