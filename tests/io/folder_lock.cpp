#include "gmoe/io/folder_lock.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/temp_folder.hpp"

using gmoe::file_error;
using gmoe::folder_lock;
using gmoe_test::message_of;
using gmoe_test::temp_folder;

TEST_CASE("io/folder_lock: one at a time, and the next when it is gone") {
  const temp_folder folder;
  const auto held = folder / "runs" / "one";
  {
    const folder_lock first(held);
    CHECK_HAS(message_of<file_error>([&] { folder_lock{held}; }), "runs/one' is in use by another run");
    const folder_lock beside(folder / "runs" / "two");
  }
  const folder_lock again(held);
}

TEST_CASE("io/folder_lock: a killed process holds nothing") {
  const temp_folder folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const folder_lock held(folder.path);
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(0);
  }
  char byte;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_HAS(message_of<file_error>([&] { folder_lock{folder.path}; }), "in use by another run");
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  const folder_lock now(folder.path);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("io/folder_lock: a folder that cannot be is named") {
  const temp_folder folder;
  gmoe_test::spill(folder / "file", "x");
  CHECK_HAS(message_of<file_error>([&] { folder_lock{folder / "file" / "runs"}; }), "file/runs': Not a directory");
  CHECK_HAS(message_of<file_error>([&] { folder_lock{folder / "file"}; }), "file': Not a directory");
}
