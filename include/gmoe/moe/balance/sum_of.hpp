#pragma once
/// Several balance losses at once.

#include <algorithm>
#include <type_traits>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// The sum of two or three losses of a layer: `sum_of<switch_loss, z_loss>`. Its numbers are reached by the names of
/// the terms: "balance.switch.alpha", "balance.z.beta". A term says what it is called, `static constexpr
/// std::string_view name = "z"`; it may keep something for each layer that no step changes.
template <class First, class Second, class Third = no_balance>
struct sum_of {
  using slot = slots::balance;
  static_assert(
      requires {
        First::name;
        Second::name;
        Third::name;
      },
      "gmoe: sum_of calls its losses by their names: each says `static constexpr std::string_view name = \"...\"`");
  First first{};
  Second second{};
  Third third{};
  static constexpr auto fields = std::tuple{field{First::name, &sum_of::first, "the first loss"},
                                            field{Second::name, &sum_of::second, "the second loss"},
                                            field{Third::name, &sum_of::third, "the third loss"}};
  static constexpr reach reaches = std::max({reach_of<First>(true), reach_of<Second>(true), reach_of<Third>(true)});
  static constexpr bool reads_input = [] {
    const auto reads = []<class Loss>(std::type_identity<Loss>) {
      if constexpr (requires { Loss::reads_input; })
        return Loss::reads_input;
      else
        return false;
    };
    return reads(std::type_identity<First>{}) || reads(std::type_identity<Second>{}) ||
           reads(std::type_identity<Third>{});
  }();

  template <class B>
  struct layer {
    typename decltype(detail::layer_kind<First, B, nothing>())::type first;
    typename decltype(detail::layer_kind<Second, B, nothing>())::type second;
    typename decltype(detail::layer_kind<Third, B, nothing>())::type third;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {made(first, make, l), made(second, make, l), made(third, make, l)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    const variable<B> sum = add(of(first, at, r, my.layer.first), of(second, at, r, my.layer.second));
    if constexpr (detail::says_none<Third>)
      return sum;
    else
      return add(sum, of(third, at, r, my.layer.third));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    bool fit = fits<First, Card, B>() && fits<Second, Card, B>();
    if constexpr (!detail::says_none<Third>) fit = fits<Third, Card, B>() && fit;
    return fit;
  }

 private:
  template <class Loss, class B>
  static auto made(const Loss& loss, const builder<B>& make, const layer_shape& l) {
    if constexpr (has_hook_within<hooks::make_layer, Loss>)
      return ask<hooks::make_layer>(loss, nothing{}, make.scope(std::string(Loss::name)), l);
    else
      return nothing{};
  }
  template <class Loss, class B>
  static variable<B> of(const Loss& loss, const place<B>& at, const routing<B>& r, const auto& kept) {
    return ask<hooks::layer_loss>(loss, own<decltype(kept), nothing, nothing>{kept, nothing_kept, nothing_kept}, at, r);
  }
  template <class Loss, class Card, class B>
  static consteval bool fits() {
    static_assert(has_hook_within<hooks::layer_loss, Loss>,
                  "gmoe: sum_of adds losses of single layers, but one of its terms has no layer_loss");
    static_assert(!has_hook_within<hooks::after_step, Loss> && !has_hook_within<hooks::before_step, Loss> &&
                      !has_hook_within<hooks::prepare, Loss> && !has_hook_within<hooks::remember, Loss> &&
                      !has_hook_within<hooks::make_shared, Loss>,
                  "gmoe: sum_of adds losses that no step changes, but one of its terms hears of steps or keeps "
                  "something for several layers");
    return detail::partners_fit<Loss, Card, B>();
  }
};

}  // namespace gmoe
