#pragma once
/// No router: experts say themselves how strongly they react (Autonomy of Experts, Lv et al. 2025).

#include <algorithm>

#include "gmoe/moe/card.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// Rows of the first factor of an expert's gate: the given part of d, at least one.
constexpr index_t rank_of_gate(index_t d_model, index_t part) { return std::max<index_t>(d_model / part, 1); }

/// z_i = |W_down,i x|: the length of what the first factor of expert i's gate, r = d / Part rows, makes of the token;
/// computed for all N experts. Goes with autonomous_expert<Part>, which goes on from there: notes W_down as "w_down".
template <index_t Part = 4>
struct activation_router {
  using slot = slots::router;
  static constexpr index_t part = Part;

  template <class B>
  struct layer {
    parameter<B> w_down;  ///< N r x d, expert after expert
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("w_down", l.experts * rank_of_gate(l.d_model, Part), l.d_model)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> w = at.use(my.layer.w_down);
    require(!at.earlier().empty(), "block ", at.block, ": the router notes w_down in a routing, but none is made");
    at.earlier().back().note("w_down", w);
    const variable<B> a = matmul(x, w, op::transpose);
    const index_t n = at.layer.experts;
    return reshape(row_norms(reshape(a, x.rows() * n, w.rows() / n)), x.rows(), n);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    constexpr bool fits = [] {
      if constexpr (requires { answer<Card, slots::body>::part_of_gate; })
        return answer<Card, slots::body>::part_of_gate == Part;
      else
        return false;
    }();
    static_assert(fits,
                  "gmoe: activation_router<Part> asks experts of the body autonomous_expert<Part>, of the same Part");
    static_assert(has_logit_per_expert<Card>,
                  "gmoe: activation_router makes one logit per expert, but the card's score asks for other columns");
    return true;
  }
};

}  // namespace gmoe
