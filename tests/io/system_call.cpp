#include "gmoe/io/system_call.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <string>
#include <utility>

TEST_CASE("io/system_call: a call that a signal interrupts is made again, another failure is told") {
  int calls = 0;
  const auto interrupted_twice = [&] {
    errno = EINTR;
    return ++calls <= 2 ? -1 : 7;
  };
  CHECK(gmoe::repeat_call(interrupted_twice) == 7);
  CHECK(calls == 3);
  CHECK(gmoe::repeat_call([] {
          errno = EIO;
          return -1;
        }) == -1);
  CHECK(errno == EIO);
  CHECK(gmoe::error_text(ENOSPC) == "No space left on device");
}

TEST_CASE("io/system_call: a descriptor is closed once") {
  int number = -1;
  {
    gmoe::file_descriptor a(::open("/dev/null", O_RDONLY));
    number = a.fd;
    REQUIRE(number >= 0);
    const gmoe::file_descriptor b(std::move(a));
    CHECK(a.fd == -1);
    CHECK(b.fd == number);
    CHECK(::fcntl(number, F_GETFD) >= 0);
  }
  CHECK(::fcntl(number, F_GETFD) == -1);
}
