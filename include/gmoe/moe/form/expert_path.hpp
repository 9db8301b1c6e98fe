#pragma once
/// A token goes from expert to expert, as far as it likes (after Perin et al. 2025, Mixture of Raytraced Experts).
///
///     u^0 = x        u^(s+1) = u^s + sum over the experts chosen at step s of w_e E_e(u^s)        y = always(x) + u^S
///     - x
///
/// Every step is a routing of its own, of u^s, by the same router and the same experts: a recurrent network unrolled.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// `steps` routings, each seen by the ones after it. Who may be asked next, and whether somebody is, say candidates,
/// score and selection.
struct expert_path {
  using slot = slots::form;
  index_t steps = 3;  ///< S: experts that a token visits at most
  static constexpr auto fields = std::tuple{
      field{"steps", &expert_path::steps, "experts that a token visits one after the other, at most", at_least(1)}};

  index_t routings(const layer_shape&) const { return steps; }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    variable<B> u = x, y;
    for (index_t s = 0; s < steps; ++s) {
      const place<B> here = at.round(s);
      const routing<B>& r = parts.route(here, u);
      if (s == 0) y = parts.always(here, x, r);
      const variable<B> part = parts.experts(here, u, r);
      y = y ? add(y, part) : part;
      if (s + 1 < steps) u = add(u, part);
    }
    return y;
  }
};

}  // namespace gmoe
