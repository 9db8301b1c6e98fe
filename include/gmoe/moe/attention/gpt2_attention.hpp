#pragma once
/// How do tokens see each other? The question of the language model's blocks, whether they have a mixture or not.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/causal_attention.hpp"

namespace gmoe {

/// Causal attention with `sizes::heads` heads, as in GPT-2.
struct gpt2_attention {
  using slot = slots::attention;
  static constexpr reach reaches = reach::past;

  template <class B>
  struct layer {
    nn::causal_attention<B> attention;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {nn::causal_attention<B>::make(make, l)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    return my.layer.attention(at, x);
  }
};

}  // namespace gmoe
