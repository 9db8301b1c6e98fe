#pragma once
/// GShard's balance loss over those that a round may ask.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/balance/gshard_loss.hpp"
#include "gmoe/moe/strata.hpp"

namespace gmoe {

/// alpha V sum_i f_i P_i for each round of a form that goes from stratum to stratum, over the V experts of that stratum
/// and after it: alpha when these are balanced. f are the fractions of first choices. The model takes the mean over
/// rounds and layers; a round that no token has reached counts as 0.
struct strata_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "strata";
  double alpha = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &strata_loss::alpha, "coefficient of the load balancing loss", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    const double ahead = static_cast<double>(strata{r.experts, at.layer.rounds}.from(r.number));
    return scale(gshard_loss{alpha}.layer_loss(at, r), ahead / static_cast<double>(r.experts));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    return gshard_loss::check_partners<Card, B>();
  }
};

}  // namespace gmoe
