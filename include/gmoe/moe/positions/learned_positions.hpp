#pragma once
/// How does a row know where its token stands? The question of the language model's input.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/embedding.hpp"

namespace gmoe {

/// u = wte[token] + wpe[position], as in GPT-2.
struct learned_positions {
  using slot = slots::positions;

  template <class B>
  struct layer {
    parameter<B> wpe;  ///< positions x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.normal("wpe", l.positions, l.d_model, l.initializer_range)};
  }
  /// `first` is the position of a sequence's first token.
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& wte, index_t first, const auto& my) const {
    return embed(wte, at.use(my.layer.wpe), at.tokens, first, at.sequence);
  }
};

}  // namespace gmoe
