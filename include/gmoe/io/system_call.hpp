#pragma once
/// What all uses of the system's files have in common.

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace gmoe {

/// Calls until a signal does not interrupt it: the result of a call that fails with a negative number and `errno`.
template <class Call>
auto repeat_call(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

/// What the system says about an error, such as "No space left on device".
inline std::string error_text(int code) { return std::system_category().message(code); }

/// An open file, closed in the end.
struct file_descriptor {
  int fd = -1;

  explicit file_descriptor(int open = -1) : fd(open) {}
  file_descriptor(file_descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~file_descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace gmoe
