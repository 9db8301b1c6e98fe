#pragma once
/// What one expert computes, with a gate: E(x) = W_out' (act(W_gate x) * (W_up x)), without biases (Shazeer, "GLU
/// Variants Improve Transformer", 2020).

#include "gmoe/core/functions.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/gated_experts.hpp"

namespace gmoe {

/// Three matrices per expert. An expert of d_ff hidden units has half as many parameters again as one of two matrices.
template <class Activation>
struct gated_expert {
  using slot = slots::body;

  template <class B>
  struct weights {
    expert_units<B> units;
    parameter<B> w_gate, w_up, w_out;  ///< a row per hidden unit

    /// Parameters of expert e.
    index_t size(index_t e) const { return 3 * units.of(e) * w_gate.cols(); }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    expert_units<B> units(pool.widths);
    const auto matrix = [&](const char* name) {
      return make.normal(name, units.total(), pool.d_model, pool.initializer_range);
    };
    return {units, matrix("w_gate"), matrix("w_up"), matrix("w_out")};
  }
  /// sum over the pairs of w_e E_e(x)
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const pair_groups<B> pairs(r.pairs);
    const weights<B>& w = my.weights;
    return gated_experts(Activation{}, x, r.weights, &pairs, at.use(w.w_gate), at.use(w.w_up), at.use(w.w_out),
                         w.units.layout(r.visible));
  }
  /// E(x) of the only expert.
  template <class B>
  variable<B> dense(const context<B>& ctx, const variable<B>& x, const weights<B>& w) const {
    return gated_experts(Activation{}, x, variable<B>{}, nullptr, ctx.use(w.w_gate), ctx.use(w.w_up), ctx.use(w.w_out),
                         w.units.first_layout());
  }
};

using swiglu_expert = gated_expert<fn::silu>;
using geglu_expert = gated_expert<fn::gelu>;
using reglu_expert = gated_expert<fn::relu>;

}  // namespace gmoe
