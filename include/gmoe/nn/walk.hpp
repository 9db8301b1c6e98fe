#pragma once
/// A visit to every parameter and buffer of what a policy keeps: nobody lists them, and nobody forgets one.

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
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

/// Calls visit(parameter) and visit(buffer) for all that are in `x`: a plain struct of parameters, buffers, modules,
/// numbers, vectors and optionals of such, or something with its own each(visit).
template <class T>
void walk(T& x, auto&& visit) {
  using plain = std::remove_const_t<T>;
  if constexpr (detail::is_kept_matrix<plain>) {
    visit(x);
  } else if constexpr (detail::is_plain<plain>) {
  } else if constexpr (detail::is_vector<plain>) {
    for (auto& element : x) walk(element, visit);
  } else if constexpr (detail::is_optional<plain>) {
    if (x) walk(*x, visit);
  } else if constexpr (requires { x.each(visit); }) {
    x.each(visit);
  } else {
    static_assert(std::is_aggregate_v<plain>,
                  "gmoe: what a policy keeps is a plain struct (no constructors, nothing private), so that every "
                  "parameter in it is found");
    each_element(x, [&](auto& member) { walk(member, visit); });
  }
}

namespace detail {

/// visit, for parameters alone.
template <class Visit>
auto only_parameters(Visit&& visit) {
  return [&visit]<class M>(M& m) {
    if constexpr (requires { m.has_gradient(); }) visit(m);
  };
}
/// visit, for buffers alone.
template <class Visit>
auto only_buffers(Visit&& visit) {
  return [&visit]<class M>(M& m) {
    if constexpr (!requires { m.has_gradient(); }) visit(m);
  };
}

}  // namespace detail

}  // namespace gmoe
