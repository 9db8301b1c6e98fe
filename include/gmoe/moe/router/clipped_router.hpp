#pragma once
/// z = W x + b within bounds, and a loss on what it was before (Dynamic Subspace Composition, Khasia 2025).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// In training "router_z" is a loss: strength mean_t (log sum_j exp(W x_t + b)_j)^2, the mean over the layers.
struct clipped_router {
  using slot = slots::router;
  double limit = 20;
  double strength = 1e-4;
  static constexpr auto fields = std::tuple{
      field{"limit", &clipped_router::limit, "what no logit goes beyond, up or down", above(0)},
      field{"strength", &clipped_router::strength, "coefficient of the squared log sum of exponentials", at_least(0)}};

  template <class B>
  struct layer {
    parameter<B> gate, bias;  ///< N x d, 1 x N
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.normal("gate", l.columns, l.d_model, 0.01), make.constant("bias", 1, l.columns, 0)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> z = add_row(matmul(x, at.use(my.layer.gate), op::transpose), at.use(my.layer.bias));
    if (at.training && strength > 0)
      at.add_loss("router_z", scale(valid_means(square(log_sum_exp_rows(z)), at.valid),
                                    strength / static_cast<double>(at.layer.moe_layers)));
    return clamp(z, -limit, limit);
  }
};

}  // namespace gmoe
