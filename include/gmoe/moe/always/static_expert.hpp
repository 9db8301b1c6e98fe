#pragma once
/// What every token gets besides its routed experts, where that is another kind of expert than these.

#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// One expert of the layer's own with the body `Own` and d_ff hidden units, with weight 1.
template <class Own>
struct static_expert {
  using slot = slots::always;

  template <class B>
  struct layer {
    dense_expert<B, Own> expert;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {dense_expert<B, Own>::make(make, Own{}, l.d_model, l.d_ff, l.initializer_range)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>&, const auto& my) const {
    return my.layer.expert(at, x);
  }
};

}  // namespace gmoe
