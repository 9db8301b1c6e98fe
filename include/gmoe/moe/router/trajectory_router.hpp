#pragma once
/// A router that knows which experts a token has visited (MoUE's universal router, Chen et al. 2026, in our form).
///
///     z^l = W^l x^l + A^l u^l                                     u^0 = 0
///     u^{l+1} = decay u^l + sum over the experts of layer l of w_e key_e

#include <optional>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// The trajectory u is carried over depth with its gradient, so that weights and keys learn from what later layers make
/// of it. An expert has one key, whatever layers see it.
struct trajectory_router {
  using slot = slots::router;
  index_t state = 32;
  double decay = 0.9;
  static constexpr auto fields = std::tuple{
      field{"state", &trajectory_router::state, "numbers per token that are carried over depth", at_least(1)},
      field{"decay", &trajectory_router::decay, "what a layer leaves of the trajectory before", between(0, 1)}};

  /// Of all layers.
  template <class B>
  struct shared {
    parameter<B> key;  ///< a row of `state` numbers for every expert of the pool
  };
  template <class B>
  struct layer {
    parameter<B> gate;                       ///< W: N x d
    std::optional<parameter<B>> trajectory;  ///< A: N x state, not of the first layer
    id_matrix<B> ids;                        ///< 1 x N: the pool's numbers
  };
  /// From layer to layer, per token.
  template <class B>
  struct carried {
    variable<B> u;  ///< T x state
  };

  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    return {make.normal("key", l.pool_size, state, l.initializer_range)};
  }
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> m{.gate = make.linear("gate", l.columns, l.d_model), .trajectory = {}, .ids = {}};
    if (l.moe_layer > 0) m.trajectory.emplace(make.linear("trajectory", l.columns, state));
    if (make.mode() == build_mode::with_values) m.ids = id_matrix<B>::from_host(l.pool->ids, 1, l.experts);
    return m;
  }
  /// The keys of the N experts that a layer sees are added up for every token, those that it did not visit with weight
  /// 0.
  index_t products(const layer_shape& l) const {
    const index_t reads = l.moe_layer > 0, writes = l.moe_layer + 1 < l.moe_layers;
    return l.columns * (l.d_model + (reads + writes) * state);
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> z = matmul(x, at.use(my.layer.gate), op::transpose);
    if (!my.carried.u) return z;
    return add(z, matmul(my.carried.u, at.use(*my.layer.trajectory), op::transpose));
  }
  template <class B>
  void remember(const place<B>& at, const routing<B>& r, const auto& my) const {
    if (at.layer.moe_layer + 1 == at.layer.moe_layers) return;  // nobody comes to ask
    const variable<B> keys = take_rows(at.use(my.shared.key), my.layer.ids);
    const variable<B> went = matmul(scatter_elements(r.weights, r.kept, r.experts), keys);
    my.carried.u = my.carried.u ? add(scale(my.carried.u, decay), went) : went;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logit_per_expert<Card>,
                  "gmoe: trajectory_router makes one logit per expert, but the card's score asks for other columns");
    static_assert(
        !detail::says_none<answer<Card, slots::gate>>,
        "gmoe: trajectory_router adds up the keys of experts by their weights, but the card's gate makes none: "
        "it takes another gate, such as renormalised_scores");
    return true;
  }
};

}  // namespace gmoe
