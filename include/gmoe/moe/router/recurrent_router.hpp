#pragma once
/// A router with a state over depth and nothing else (RMoE, Qiu et al. 2024).

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/gru_cell.hpp"
#include "gmoe/nn/rnn_cell.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// h^l = Cell(x^l, h^{l-1}),   z^l = W^l h^l      h^{-1} = 0, carried with its gradient
///
/// The cell is shared by all layers, heads are private; no norm, no bias in the head. `Cell` is nn::gru_cell or
/// nn::rnn_cell. With narrow<> around it, RMoE's router.
template <template <class> class Cell = nn::gru_cell>
struct recurrent_router {
  using slot = slots::router;

  template <class B>
  struct shared {
    Cell<B> cell;
  };
  template <class B>
  struct layer {
    parameter<B> head;  ///< W: N x d
  };
  template <class B>
  struct carried {
    variable<B> h;  ///< T x d
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    return {Cell<B>::make_normal(make.scope("cell"), l.d_model, l.d_model, l.initializer_range)};
  }
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.normal("head", l.columns, l.d_model, l.initializer_range)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    variable<B>& h = my.carried.h;
    h = my.shared.cell(at, x, h);
    at.observe("router_h", h);
    return matmul(h, at.use(my.layer.head), op::transpose);
  }
};

}  // namespace gmoe
