#pragma once
/// Plain structs taken apart: how many elements one has, and a visit to each.

#include <cstddef>
#include <type_traits>
#include <utility>

namespace gmoe {

namespace detail {

/// Becomes whatever an element of `Of` is made of, but not `Of` itself: that would be a copy.
template <class Of>
struct anything_but {
  template <class T>
  requires(!std::is_same_v<T, Of> && !std::is_base_of_v<Of, T>) operator T() const noexcept;
};

template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{(void(I), anything_but<T>{})...}; };
}
/// The first N with which T can be made, but not with N + 1. With too few it may be that it cannot be made either: a
/// member may have no default.
template <class T, std::size_t N = 0>
constexpr std::size_t count_elements() {
  static_assert(N <= 20, "gmoe: a plain struct has more than 20 members, or one that derives from something empty");
  if constexpr (N > 20)
    return N;
  else if constexpr (!takes<T>(std::make_index_sequence<N>{}) || takes<T>(std::make_index_sequence<N + 1>{}))
    return count_elements<T, N + 1>();
  else
    return N;
}

}  // namespace detail

/// Members of a plain struct (an aggregate); a base counts as one.
template <class T>
requires std::is_aggregate_v<T>
inline constexpr std::size_t element_count = detail::count_elements<T>();

/// all(every member) of a plain struct of at most twelve, in order.
template <class T>
constexpr auto with_elements(T& x, auto&& all) {
  constexpr std::size_t n = element_count<std::remove_const_t<T>>;
  static_assert(n > 0 || std::is_empty_v<T>, "gmoe: a plain struct cannot be taken apart: does a member of it derive?");
  static_assert(n <= 12, "gmoe: a struct of what a policy keeps has more than 12 members; put some of them together");
  // clang-format off
  if constexpr (n == 0) return all();
  if constexpr (n == 1) { auto& [a] = x; return all(a); }
  if constexpr (n == 2) { auto& [a, b] = x; return all(a, b); }
  if constexpr (n == 3) { auto& [a, b, c] = x; return all(a, b, c); }
  if constexpr (n == 4) { auto& [a, b, c, d] = x; return all(a, b, c, d); }
  if constexpr (n == 5) { auto& [a, b, c, d, e] = x; return all(a, b, c, d, e); }
  if constexpr (n == 6) { auto& [a, b, c, d, e, f] = x; return all(a, b, c, d, e, f); }
  if constexpr (n == 7) { auto& [a, b, c, d, e, f, g] = x; return all(a, b, c, d, e, f, g); }
  if constexpr (n == 8) { auto& [a, b, c, d, e, f, g, h] = x; return all(a, b, c, d, e, f, g, h); }
  if constexpr (n == 9) { auto& [a, b, c, d, e, f, g, h, i] = x; return all(a, b, c, d, e, f, g, h, i); }
  if constexpr (n == 10) { auto& [a, b, c, d, e, f, g, h, i, j] = x; return all(a, b, c, d, e, f, g, h, i, j); }
  if constexpr (n == 11) { auto& [a, b, c, d, e, f, g, h, i, j, k] = x; return all(a, b, c, d, e, f, g, h, i, j, k); }
  if constexpr (n == 12) { auto& [a, b, c, d, e, f, g, h, i, j, k, l] = x; return all(a, b, c, d, e, f, g, h, i, j, k, l); }
  // clang-format on
}

/// Calls visit(member) for every member, in order.
template <class T>
constexpr void each_element(T& x, auto&& visit) {
  with_elements(x, [&](auto&... member) { (visit(member), ...); });
}

}  // namespace gmoe
