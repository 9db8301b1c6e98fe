#pragma once
/// Logits made with a matrix of their own.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"

namespace gmoe {

/// logits = u W', W: V x d, "lm_head".
struct own_head {
  using slot = slots::head;

  template <class B>
  struct layer {
    parameter<B> lm_head;  ///< V x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.normal("lm_head", l.vocab, l.d_model, l.initializer_range)};
  }
  /// V x d
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>&, const auto& my) const {
    return at.use(my.layer.lm_head);
  }
};

}  // namespace gmoe
