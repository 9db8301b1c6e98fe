#pragma once
/// z = W2 relu(W1 x + b1) + b2: a router with a hidden layer (Eigen et al. 2013).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

struct hidden_router {
  using slot = slots::router;
  index_t hidden = 32;
  static constexpr auto fields =
      std::tuple{field{"hidden", &hidden_router::hidden, "units between x and the logits", at_least(1)}};

  template <class B>
  struct layer {
    parameter<B> w_in, bias_in;    ///< hidden x d, 1 x hidden
    parameter<B> w_out, bias_out;  ///< N x hidden, 1 x N
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("w_in", hidden, l.d_model), make.constant("bias_in", 1, hidden, 0),
            make.linear("w_out", l.columns, hidden), make.constant("bias_out", 1, l.columns, 0)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> h = relu(add_row(matmul(x, at.use(my.layer.w_in), op::transpose), at.use(my.layer.bias_in)));
    return add_row(matmul(h, at.use(my.layer.w_out), op::transpose), at.use(my.layer.bias_out));
  }
};

}  // namespace gmoe
