#pragma once
/// Every parameter and buffer of what a policy keeps, found in its plain structs: nobody lists them, and nobody forgets
/// one.

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/autograd/buffer.hpp"
#include "gmoe/autograd/parameter.hpp"
#include "gmoe/core/aggregate.hpp"

namespace gmoe {

namespace detail {

/// Numbers and handles that are neither trained nor saved.
template <class T>
inline constexpr bool is_plain = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_empty_v<T>;
template <class B, class T>
inline constexpr bool is_plain<matrix<B, T>> = true;
template <class T>
inline constexpr bool is_plain<std::shared_ptr<T>> = true;
template <>
inline constexpr bool is_plain<std::string> = true;

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_kept_matrix = false;
template <class B>
inline constexpr bool is_kept_matrix<parameter<B>> = true;
template <class B>
inline constexpr bool is_kept_matrix<buffer<B>> = true;

}  // namespace detail

/// There is a buffer<B> somewhere in a T, as far as `walk` looks into plain structs.
template <class T, class B>
constexpr bool holds_buffer() {
  using namespace detail;
  if constexpr (std::is_same_v<T, buffer<B>>) {
    return true;
  } else if constexpr (is_vector<T> || is_optional<T>) {
    return holds_buffer<typename T::value_type, B>();
  } else if constexpr (is_kept_matrix<T> || is_plain<T> || !std::is_aggregate_v<T>) {
    return false;
  } else {
    const auto in_any = [](auto&... member) {
      return std::bool_constant<(holds_buffer<std::remove_cvref_t<decltype(member)>, B>() || ...)>{};
    };
    return decltype(with_elements(std::declval<T&>(), in_any))::value;
  }
}

/// What was found, in order.
template <class B>
struct kept_list {
  std::vector<parameter<B>*> parameters;
  std::vector<buffer<B>*> buffers;

  void add(parameter<B>& p) { parameters.push_back(&p); }
  void add(buffer<B>& b) { buffers.push_back(&b); }
};

/// Lists all that is in `x`: a plain struct of parameters, buffers, modules, numbers, vectors and optionals of such, or
/// something that lists its own by `list(kept_list<B>&)`.
template <class T, class B>
void walk(T& x, kept_list<B>& all) {
  if constexpr (detail::is_kept_matrix<T>) {
    all.add(x);
  } else if constexpr (detail::is_plain<T>) {
  } else if constexpr (detail::is_vector<T>) {
    for (auto& element : x) walk(element, all);
  } else if constexpr (detail::is_optional<T>) {
    if (x) walk(*x, all);
  } else if constexpr (requires { x.list(all); }) {
    x.list(all);
  } else {
    static_assert(std::is_aggregate_v<T>,
                  "gmoe: what a policy keeps is a plain struct (no constructors, nothing private), so that every "
                  "parameter in it is found");
    each_element(x, [&](auto& member) { walk(member, all); });
  }
}

}  // namespace gmoe
