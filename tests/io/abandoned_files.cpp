#include "gmoe/io/abandoned_files.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <string>

#include "gmoe/io/atomic_file.hpp"
#include "io/temp_folder.hpp"

using gmoe::atomic_file;
using gmoe::remove_abandoned_files;
using gmoe_test::slurp;
using gmoe_test::spill;
using gmoe_test::temp_folder;

TEST_CASE("io/abandoned_files: what a killed writer left is removed, what is being written stays") {
  const temp_folder folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    atomic_file file(folder / "checkpoint");
    file.write("half");
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(0);
  }
  char byte;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(remove_abandoned_files(folder.path) == 0);
  CHECK(folder.count() == 1);
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  ::close(ready[0]);
  ::close(ready[1]);
  CHECK(folder.count() == 1);

  atomic_file mine(folder / "checkpoint");
  mine.write("whole");
  CHECK(folder.count() == 2);
  CHECK(remove_abandoned_files(folder.path) == 1);
  mine.commit();
  CHECK(slurp(folder / "checkpoint") == "whole");
  CHECK(folder.count() == 1);
  CHECK(remove_abandoned_files(folder.path) == 0);
}

TEST_CASE("io/abandoned_files: nothing else is touched") {
  const temp_folder folder;
  spill(folder / "checkpoint.safetensors", "x");
  spill(folder / ".gmoe-lock", "");
  spill(folder / "gmoe-1-1.tmp", "x");
  spill(folder / "target", "x");
  std::filesystem::create_symlink("target", folder / ".gmoe-1-1.tmp");
  std::filesystem::create_directory(folder / ".gmoe-1-2.tmp");
  REQUIRE(::mkfifo((folder / ".gmoe-1-3.tmp").c_str(), 0600) == 0);
  CHECK(remove_abandoned_files(folder.path) == 0);
  CHECK(folder.count() == 7);
  CHECK(remove_abandoned_files(folder / "absent") == 0);
}
