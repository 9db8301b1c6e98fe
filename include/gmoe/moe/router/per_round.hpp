#pragma once
/// A router of its own for every round of a form that routes several times (Wang et al. 2025, Chain-of-Experts).

#include <vector>

#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// z = router_j(u^j) in round j: what `Router` keeps for a layer is kept once per round.
template <class Router>
struct per_round {
  using slot = slots::router;
  static constexpr bool keeps_each_round = true;
  static_assert(!has_hook_within<hooks::prepare, Router> && !has_hook_within<hooks::before_step, Router> &&
                    !has_hook_within<hooks::after_step, Router> && !has_hook_within<hooks::remember, Router>,
                "gmoe: per_round keeps its router once per round, and this one changes what it keeps layer by layer");
  Router of{};

  template <class B>
  struct layer {
    std::vector<typename kept<Router, B, nothing>::layer> rounds;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> my;
    for (index_t j = 0; j < l.rounds; ++j)
      my.rounds.push_back(ask<hooks::make_layer>(of, nothing{}, make.scope("round", j), l));
    return my;
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const auto j = static_cast<std::size_t>(at.round_number);
    require(j < my.layer.rounds.size(), "per_round: round ", j, " of a form that told of ", my.layer.rounds.size());
    return ask<hooks::logits>(of, with_layer(my.layer.rounds[j], my), at, x);
  }
};

}  // namespace gmoe
