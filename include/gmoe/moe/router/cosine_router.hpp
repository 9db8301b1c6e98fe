#pragma once
/// Experts found by direction, in a space of few dimensions (X-MoE, Chi et al. 2022).

#include <cmath>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/scale_by.hpp"

namespace gmoe {

/// u = W x,   z_i = <u, e_i> / (|u| |e_i| tau)      W: width x d, e: N x width, log tau a learned number
struct cosine_router {
  using slot = slots::router;
  index_t width = 16;        ///< of the space
  double temperature = 0.3;  ///< tau, at first
  static constexpr auto fields =
      std::tuple{field{"width", &cosine_router::width, "columns of the space of keys", at_least(1)},
                 field{"temperature", &cosine_router::temperature, "by which cosines are divided, at first", above(0)}};

  template <class B>
  struct layer {
    parameter<B> down, keys, log_temperature;  ///< width x d, N x width, 1 x 1
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("down", width, l.d_model), make.normal("keys", l.columns, width, 1),
            make.constant("log_temperature", 1, 1, std::log(temperature))};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> u = normalize_lengths(matmul(x, at.use(my.layer.down), op::transpose)),
                      e = normalize_lengths(at.use(my.layer.keys));
    return scale_by(exp(scale(at.use(my.layer.log_temperature), -1)), matmul(u, e, op::transpose));
  }
};

}  // namespace gmoe
