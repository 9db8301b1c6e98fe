#pragma once
/// What every token gets besides its routed experts: one expert per layer, or nothing.

#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// One expert of the layer's own with weight 1, outside softmax and balance (GMoE's local expert).
struct local_expert {
  using slot = slots::always;

  template <class B, class Body>
  struct layer {
    dense_expert<B, Body> expert;
  };
  template <class B, class Body>
  layer<B, Body> make_layer(const builder<B>& make, const layer_shape& l, const Body& body) const {
    return {dense_expert<B, Body>::make(make, body, l.d_model, l.d_ff, l.initializer_range)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>&, const auto& my) const {
    return my.layer.expert(at, x);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_dense_form<answer<Card, slots::body>, B>,
                  "gmoe: local_expert computes an expert for every token, but the card's body has no variable<B> "
                  "dense(const context<B>&, const variable<B>& x, const weights<B>&) const");
    return true;
  }
};

/// Routed experts only.
struct no_always {
  using slot = slots::always;
  static constexpr bool none = true;
};

}  // namespace gmoe
