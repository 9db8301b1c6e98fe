#pragma once
/// What one expert computes: E(x) = W2 act(W1 x), without biases.

#include <type_traits>

#include "gmoe/core/functions.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// Two matrices with an activation between them: a formula of core/functions.hpp.
template <class Activation>
struct activation_expert {
  using slot = slots::body;
  using activation = Activation;
  /// Only act's output is kept for the backward pass: it says the slope.
  static constexpr bool slope_from_output = std::is_same_v<Activation, fn::relu>;

  template <class B>
  using weights = expert_bank<B>;
  template <class B>
  expert_bank<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    return expert_bank<B>(make, pool.d_model, pool.widths, pool.initializer_range);
  }
  /// sum over the pairs of w_e E_e(x)
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const expert_bank<B>& bank = my.weights;
    return apply_experts(*this, x, r.weights, &r.pairs, at.use(bank.w_in()), at.use(bank.w_out()),
                         bank.layout(r.visible, r.pool_is_shared));
  }
  /// E(x) of the only expert in `bank`.
  template <class B>
  variable<B> dense(const context<B>& ctx, const variable<B>& x, const expert_bank<B>& bank) const {
    return apply_experts(*this, x, variable<B>{}, nullptr, ctx.use(bank.w_in()), ctx.use(bank.w_out()),
                         bank.first_layout());
  }
};

/// GMoE and all baselines of its authors.
using relu_expert = activation_expert<fn::relu>;
using gelu_expert = activation_expert<fn::gelu>;
using silu_expert = activation_expert<fn::silu>;

}  // namespace gmoe
