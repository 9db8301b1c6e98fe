#pragma once
/// Affinities to centroids (StableMoE, Dai et al., ACL 2022).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// a_i = <c_i, x>: a linear router whose rows begin orthogonal to each other, all of length `gain`.
struct centroid_router {
  using slot = slots::router;
  double gain = 0.1;
  static constexpr auto fields = std::tuple{field{"gain", &centroid_router::gain, "length of new centroids", above(0)}};

  template <class B>
  struct layer {
    parameter<B> centroids;  ///< N x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.orthogonal("centroids", l.columns, l.d_model, gain)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return matmul(x, at.use(my.layer.centroids), op::transpose);
  }
};

}  // namespace gmoe
