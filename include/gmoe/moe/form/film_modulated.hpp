#pragma once
/// Experts that see x as the router's state and scores modulate it: a FiLM layer (Perez et al. 2018) between router and
/// experts, as in a precursor of GMoE (Hong & Kim).
///
///     c   = [LN_c(h) ; W_s LN_s(p)]                  2d      h: the router's state, p: its scores, both with their
///     gradient g,b = W_2 relu(W_1 c + b_1) + b_2              d, d    hidden width max(hidden, d / 4); W_2 and b_2
///     begin as zeros x~  = (1 + strength tanh(g)) x + b y   = always(x~) + sum over the chosen experts of w_e E_e(x~)

#include <algorithm>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// Routes x, runs x~. The router notes its state as "router_h" (T x d): `global_router<hidden_state, noted_state>`.
struct film_modulated {
  using slot = slots::form;
  index_t hidden = 128;   ///< units of the modulation, if d / 4 is not more
  double strength = 0.1;  ///< how far the gain may be from 1
  static constexpr auto fields =
      std::tuple{field{"hidden", &film_modulated::hidden, "hidden units of the modulation, at least", at_least(1)},
                 field{"strength", &film_modulated::strength, "how far a modulated gain may be from 1", at_least(0)}};

  template <class B>
  struct layer {
    nn::layer_norm<B> state_ln, score_ln;
    parameter<B> score_proj;       ///< W_s: d x N
    parameter<B> w_in, bias_in;    ///< W_1: hidden x 2d, b_1
    parameter<B> w_out, bias_out;  ///< W_2: 2d x hidden, b_2
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    const index_t d = l.d_model, units = std::max(hidden, d / 4);
    return {nn::layer_norm<B>::make(make.scope("state_ln"), d, l.layer_norm_epsilon),
            nn::layer_norm<B>::make(make.scope("score_ln"), l.experts, l.layer_norm_epsilon),
            make.linear("score_proj", d, l.experts),
            make.linear("w_in", units, 2 * d),
            make.constant("bias_in", 1, units, 0),
            make.constant("w_out", 2 * d, units, 0),
            make.constant("bias_out", 1, 2 * d, 0)};
  }

  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x, const auto& my) const {
    const routing<B>& r = parts.route(at, x);
    const index_t d = x.cols();
    const variable<B> state = my.layer.state_ln(at, r.noted("router_h"));
    const variable<B> scores = matmul(my.layer.score_ln(at, r.scores), at.use(my.layer.score_proj), op::transpose);
    const variable<B> units =
        relu(add_row(matmul_side_by_side(state, scores, at.use(my.layer.w_in)), at.use(my.layer.bias_in)));
    const variable<B> both = add_row(matmul(units, at.use(my.layer.w_out), op::transpose), at.use(my.layer.bias_out));
    const variable<B> gain = scale(multiply(tanh(columns_of(both, 0, d)), x), strength);
    const variable<B> seen = add(x, gain, columns_of(both, d, d));
    at.observe("modulated_in", seen);
    const variable<B> always = parts.always(at, seen, r), routed = parts.experts(at, seen, r);
    return always ? add(always, routed) : routed;
  }
};

}  // namespace gmoe
