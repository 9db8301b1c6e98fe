#pragma once
/// Exceptions: one class per kind of mistake, each message naming the value and the expectation.

#include <sstream>
#include <stdexcept>
#include <string>

namespace gmoe {

/// Base of everything the library throws.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Sizes or settings that do not fit together: d_model not divisible by heads, k > N, wrong matrix shapes.
struct config_error : error {
  using error::error;
};

/// Data that a model cannot read: a token id outside the vocabulary, a text that is too short.
struct data_error : error {
  using error::error;
};

/// A file that is missing, unreadable, malformed, or does not belong to this model.
struct file_error : error {
  using error::error;
};

/// Arithmetic that left the finite numbers: a loss or gradient that is NaN or infinite.
struct numeric_error : error {
  using error::error;
};

/// A failure of the machine below: out of memory, a failed device call.
struct backend_error : error {
  using error::error;
};

/// Joins its arguments into one string, as `operator<<` prints them.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

namespace detail {
/// Out of line and out of the way: messages are long code that hardly ever runs.
template <class Error, class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void throw_joined(const Parts&... parts) {
  throw Error(concat(parts...));
}
}  // namespace detail

/// Throws `Error` with the joined parts as its message unless `ok`. The parts are printed only on failure.
template <class Error = config_error, class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) detail::throw_joined<Error>(parts...);
}

}  // namespace gmoe
