#pragma once
/// Experts one after the other within a layer (Wang et al. 2025, Chain-of-Experts).
///
///     u^0 = x        u^(j+1) = u^j + always(u^j) + sum over the experts chosen of u^j of w_e E_e(u^j)        y = u^C -
///     x
///
/// Every round is a routing of its own among the same experts: what an expert said can change who is asked next.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// C rounds. A router in per_round<> has weights for each of them; any other is the same in all.
struct chain {
  using slot = slots::form;
  index_t rounds = 2;  ///< C
  static constexpr auto fields =
      std::tuple{field{"rounds", &chain::rounds, "times that a token is routed within a layer", between(1, 1024)}};

  index_t routings(const layer_shape&) const { return rounds; }
  layer_shape parts(layer_shape l) const {
    l.rounds = rounds;
    return l;
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    variable<B> u = x, y;
    for (index_t j = 0; j < rounds; ++j) {
      const place<B> here = at.round(j);
      const routing<B>& r = parts.route(here, u);
      variable<B> step = parts.experts(here, u, r);
      if (const variable<B> all = parts.always(here, u, r)) step = add(step, all);
      y = y ? add(y, step) : step;
      if (j + 1 < rounds) u = add(u, step);
    }
    return y;
  }
};

}  // namespace gmoe
