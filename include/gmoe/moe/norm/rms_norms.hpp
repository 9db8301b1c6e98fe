#pragma once
/// Rows brought to one size by their root mean square.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/rms_norm.hpp"

namespace gmoe {

/// x / sqrt(mean(x^2) + eps) * gain (Zhang & Sennrich 2019), as in LLaMA.
struct rms_norms {
  using slot = slots::norm;

  template <class B>
  struct layer {
    nn::rms_norm<B> norm;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {nn::rms_norm<B>::make(make, l.d_model, l.layer_norm_epsilon)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    return my.layer.norm(at, x);
  }
};

}  // namespace gmoe
