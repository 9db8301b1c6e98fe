#pragma once
/// Exceptions: one class per kind of mistake, each message naming the value and the expectation.

#include <cstddef>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>

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

/// Another rank of the run has failed, does not come, or runs with other settings.
struct rank_error : error {
  using error::error;
};

namespace detail {

/// Something to print, whatever its type: messages are hardly ever made, so that code to make them is shared. Each type
/// has one function that prints it, not each list of types in a call.
struct error_part {
  const void* what;
  void (*print)(std::ostream& out, const void* what);
};

template <class T>
void print_part(std::ostream& out, const void* what) {
  if constexpr (std::is_function_v<T>)
    out << reinterpret_cast<T*>(const_cast<void*>(what));  // such as std::boolalpha
  else
    out << *static_cast<const T*>(what);
}
inline void print_text_part(std::ostream& out, const void* what) { out << static_cast<const char*>(what); }

template <class T>
error_part part_of(const T& x) {
  if constexpr (std::is_function_v<T>)
    return {reinterpret_cast<const void*>(&x), &print_part<T>};
  else if constexpr (std::is_array_v<T> && std::is_same_v<std::remove_extent_t<T>, char>)
    return {static_cast<const char*>(x), &print_text_part};  // literals of any length
  else
    return {std::addressof(x), &print_part<T>};
}

[[gnu::noinline, gnu::cold]] inline std::string join_parts(const error_part* parts, std::size_t count) {
  std::ostringstream out;
  for (std::size_t i = 0; i < count; ++i) parts[i].print(out, parts[i].what);
  return out.str();
}

/// Out of line and out of the way.
template <class Error>
[[noreturn, gnu::noinline, gnu::cold]] void throw_joined(const error_part* parts, std::size_t count) {
  throw Error(join_parts(parts, count));
}

}  // namespace detail

/// Joins its arguments into one string, as `operator<<` prints them.
template <class... Parts>
std::string concat(const Parts&... parts) {
  const detail::error_part list[] = {detail::part_of(parts)...};
  return detail::join_parts(list, sizeof...(Parts));
}

/// Throws `Error` with the joined parts as its message unless `ok`. The parts are printed only on failure.
template <class Error = config_error, class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) {
    const detail::error_part list[] = {detail::part_of(parts)...};
    detail::throw_joined<Error>(list, sizeof...(Parts));
  }
}

}  // namespace gmoe
