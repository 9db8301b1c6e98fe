#pragma once
/// Routers that differ little from layer to layer (a control of PathMoE, Gu et al. 2026).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// z^l = (W + U^l V^l) x^l:   W: N x d of all layers, U^l: N x rank, V^l: rank x d of the layer's own.
/// U begins at zero, so that all layers begin with the same router.
struct low_rank_router {
  using slot = slots::router;
  index_t rank = 4;
  static constexpr auto fields =
      std::tuple{field{"rank", &low_rank_router::rank, "of what a layer adds to the common router", at_least(1)}};

  template <class B>
  struct shared {
    parameter<B> gate;  ///< W: N x d
  };
  template <class B>
  struct layer {
    parameter<B> up, down;  ///< U: N x rank, V: rank x d
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("gate", l.columns, l.d_model)};
  }
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant("up", l.columns, rank, 0), make.linear("down", rank, l.d_model)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> own = matmul(matmul(x, at.use(my.layer.down), op::transpose), at.use(my.layer.up), op::transpose);
    return add(matmul(x, at.use(my.shared.gate), op::transpose), own);
  }
};

}  // namespace gmoe
