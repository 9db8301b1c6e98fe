#pragma once
/// Sizes that fit together, or an exception that names the value and the expectation.

#include <type_traits>
#include <variant>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/moe/settings.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

namespace detail {

/// Products of a few sizes must be numbers.
inline void check_countable(index_t n) {
  constexpr index_t limit = index_t{1} << 31;
  require(n < limit, "a size of ", n, " is beyond ", limit - 1);
}

/// Those of a card.
inline void check_numbers(const std::vector<setting>& numbers) {
  for (const setting& number : numbers) {
    number.check();
    const setting_value v = number.value();
    if (const index_t* const whole = std::get_if<index_t>(&v)) check_countable(*whole);
  }
}

}  // namespace detail

/// Throws config_error unless the sizes make a model.
inline void check_sizes(const sizes& s) {
  each_field(s, [](const auto& f, const auto& v) { check_field(f, f.name, v); });
  require(s.d_model % s.heads == 0, "d_model = ", s.d_model, " is not divisible by heads = ", s.heads);
  each_field(s, [&](const auto&, const auto& v) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(v)>>) detail::check_countable(v);
  });
  // All experts of all layers and attention: what is counted must be a number.
  const auto d = static_cast<double>(s.d_model);
  const double units = static_cast<double>(s.experts + 2) * static_cast<double>(s.d_ff);
  require(static_cast<double>(s.layers) * d * (units + d) < 0x1p60, "layers = ", s.layers, ", d_model = ", s.d_model,
          ", d_ff = ", s.d_ff, " and experts = ", s.experts, " make a model that is too large");
}

/// And unless the card's numbers are in their ranges; what they make together is checked by those who use them.
template <class Card>
void check_sizes(const sizes& s, const Card& card) {
  check_sizes(s);
  Card copy = card;
  detail::check_numbers(settings_of(copy));
}

}  // namespace gmoe
