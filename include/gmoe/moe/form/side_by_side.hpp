#pragma once
/// Several routings of the same input among the same experts (the heads of PEER, He 2024).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// y = always(x) + sum over the heads h of sum over the experts chosen in h of w_e E_e(x). A router in per_round<> has
/// weights for each head; any other is the same in all. Heads may choose the same expert.
struct side_by_side {
  using slot = slots::form;
  index_t heads = 2;
  static constexpr auto fields =
      std::tuple{field{"heads", &side_by_side::heads, "routings of a token in a layer", between(1, 1024)}};

  index_t routings(const layer_shape&) const { return heads; }
  layer_shape parts(layer_shape l) const {
    l.rounds = heads;
    return l;
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    variable<B> y;
    for (index_t h = 0; h < heads; ++h) {
      const place<B> here = at.round(h);
      const routing<B>& r = parts.route(here, x);
      if (h == 0) y = parts.always(here, x, r);
      const variable<B> step = parts.experts(here, x, r);
      y = y ? add(y, step) : step;
    }
    return y;
  }
};

}  // namespace gmoe
