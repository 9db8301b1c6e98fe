#pragma once
/// The numbers of a struct by name: what options, checkpoints, reports and --help know of them.
///
///     struct switch_loss {
///       double alpha = 0.01;
///       static constexpr auto fields =
///           std::tuple{field{"alpha", &switch_loss::alpha, "coefficient of the load balancing loss", at_least(0)}};
///     };

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "gmoe/core/aggregate.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/core/text.hpp"

namespace gmoe {

/// What a number may be. Every one has to be finite besides.
struct limits {
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  bool without_least = false, without_most = false;

  constexpr bool allow(double v) const {
    return (without_least ? v > least : v >= least) && (without_most ? v < most : v <= most);
  }
  /// "at least 1", "a positive number", "[0, 1)"
  std::string text() const {
    const bool bounded = most < std::numeric_limits<double>::infinity();
    if (bounded)
      return concat(without_least ? "(" : "[", to_text(least), ", ", to_text(most), without_most ? ")" : "]");
    if (least == 0) return without_least ? "a positive number" : "0 or more";
    if (!(least > -std::numeric_limits<double>::infinity())) return "a finite number";
    return concat(without_least ? "more than " : "at least ", to_text(least));
  }
};
constexpr limits at_least(double least) { return {.least = least}; }
constexpr limits above(double least) { return {.least = least, .without_least = true}; }
constexpr limits between(double least, double most) { return {.least = least, .most = most}; }
/// least or more, but less than `most`
constexpr limits below(double least, double most) { return {.least = least, .most = most, .without_most = true}; }

/// A number, switch, named choice or list of a struct P.
template <class P, class T>
struct field {
  using pointer = T P::*;
  std::string_view name;
  pointer at;
  std::string_view help;
  limits range{};
};
// Clang 14 does not deduce the arguments of plain structs.
template <class P, class T>
field(std::string_view, T P::*, std::string_view) -> field<P, T>;
template <class P, class T>
field(std::string_view, T P::*, std::string_view, limits) -> field<P, T>;

/// The fields of P, none where it lists none.
template <class P>
constexpr auto fields_of() {
  if constexpr (requires { P::fields; })
    return P::fields;
  else
    return std::tuple{};
}

/// Visits every field: visit(field, value).
template <class P>
void each_field(P& p, auto&& visit) {
  std::apply([&](const auto&... f) { (visit(f, p.*f.at), ...); }, fields_of<std::remove_const_t<P>>());
}

/// Throws config_error, naming `name`, unless a number of that range may be `value`.
template <class T>
void check_value(std::string_view name, const limits& range, const T& value) {
  if constexpr (std::is_same_v<T, std::vector<index_t>>) {
    for (const index_t v : value) check_value(name, range, v);
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    require(range.allow(static_cast<double>(value)), name, " is ", value, ", expected ", range.text());
  } else if constexpr (std::is_floating_point_v<T>) {
    require(!std::isinf(value), name, " is ", value, ", expected a finite number");
    require(range.allow(value), name, " is ", value, ", expected ", range.text());
  }
}
/// Reads a value. Throws config_error for a text that says none, or one that is out of range.
template <class T>
T parse_value(std::string_view name, const limits& range, std::string_view text) {
  T value{};
  require(from_text(text, value), name, " is '", text, "', expected ", kind_of_text<T>());
  check_value(name, range, value);
  return value;
}
template <class P, class T>
void check_field(const field<P, T>& f, std::string_view name, const T& value) {
  check_value(name, f.range, value);
}
template <class P, class T>
T parse_field(const field<P, T>& f, std::string_view name, std::string_view text) {
  return parse_value<T>(name, f.range, text);
}

}  // namespace gmoe
