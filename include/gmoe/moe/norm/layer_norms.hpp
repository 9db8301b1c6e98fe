#pragma once
/// How are rows brought to one size before every layer, and at the end? The question of the language model's blocks.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/layer_norm.hpp"

namespace gmoe {

/// Mean 0 and deviation 1, with gain and bias, as in GPT-2.
struct layer_norms {
  using slot = slots::norm;

  template <class B>
  struct layer {
    nn::layer_norm<B> norm;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {nn::layer_norm<B>::make(make, l.d_model, l.layer_norm_epsilon)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    return my.layer.norm(at, x);
  }
};

}  // namespace gmoe
