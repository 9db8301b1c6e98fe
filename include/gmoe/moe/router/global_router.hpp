#pragma once
/// GMoE's Global Router (Hong & Kim, ACL 2026): a GRU over depth, shared by all layers, and a routing head per
/// layer that also reads the previous layer's logits.
///
///     h^l = GRU(x^l, h^{l-1})                        h^{-1} = 0      carried with its gradient
///     e^l = W_z^l LN_z^l( sg(z^{l-1}) )              z^{-1} = 0      raw logits, cut from the gradient
///     z^l = W_g^l [ LN_h^l(h^l) ; e^l ]

#include <optional>

#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/gru_cell.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// Part of the router: the GRU's hidden state. Without it h^l = x^l.
struct hidden_state {};

/// Part of the router, beside hidden_state: h is noted in the routing as "router_h", for forms that read it.
struct noted_state {};

/// Where the propagated logits are cut from the gradient.
enum class cut { raw_logits, projected, nowhere };
/// Part of the router: the previous layer's logits. Without it z^l = W_g^l LN_h^l(h^l).
template <cut Where = cut::raw_logits>
struct propagate {};
using propagated_logits = propagate<>;

/// `global_router<hidden_state, propagated_logits>` is GMoE's; leaving out a part is its ablation.
template <class... Parts>
struct global_router {
  using slot = slots::router;
  static constexpr bool has_state = (std::is_same_v<Parts, hidden_state> || ...);
  static constexpr bool notes_state = (std::is_same_v<Parts, noted_state> || ...);
  static constexpr bool cuts_raw = (std::is_same_v<Parts, propagate<cut::raw_logits>> || ...);
  static constexpr bool cuts_projected = (std::is_same_v<Parts, propagate<cut::projected>> || ...);
  static constexpr bool cuts_nowhere = (std::is_same_v<Parts, propagate<cut::nowhere>> || ...);
  static constexpr bool has_logits = cuts_raw || cuts_projected || cuts_nowhere;
  static_assert(sizeof...(Parts) == std::size_t{has_state} + notes_state + cuts_raw + cuts_projected + cuts_nowhere,
                "gmoe: global_router takes hidden_state, noted_state and propagate<...>, each at most once");
  static_assert(int{cuts_raw} + cuts_projected + cuts_nowhere <= 1,
                "gmoe: global_router was given two places to cut the propagated logits");

  /// Of all layers.
  template <class B>
  struct shared {
    std::optional<nn::gru_cell<B>> gru;
  };
  template <class B>
  struct layer {
    nn::layer_norm<B> h_ln;
    std::optional<nn::layer_norm<B>> z_ln;
    std::optional<parameter<B>> z_proj;  ///< W_z: d x N
    parameter<B> gate;                   ///< W_g: N x 2d, or N x d without propagation
  };
  /// From layer to layer, per token.
  template <class B>
  struct carried {
    variable<B> h;  ///< T x d
    variable<B> z;  ///< T x N
  };

  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    shared<B> s;
    if constexpr (has_state) s.gru.emplace(nn::gru_cell<B>::make(make.scope("gru"), l.d_model, l.d_model));
    return s;
  }
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> m{.h_ln = nn::layer_norm<B>::make(make.scope("h_ln"), l.d_model, l.layer_norm_epsilon),
               .z_ln = {},
               .z_proj = {},
               .gate = make.linear("gate_head", l.experts, has_logits ? 2 * l.d_model : l.d_model)};
    if constexpr (has_logits) {
      m.z_ln.emplace(nn::layer_norm<B>::make(make.scope("prev_score_ln"), l.experts, l.layer_norm_epsilon));
      m.z_proj.emplace(make.linear("prev_score_proj", l.d_model, l.experts));
    }
    return m;
  }

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    variable<B>&h = my.carried.h, &z = my.carried.z;
    if constexpr (has_state)
      h = (*my.shared.gru)(at, x, h);
    else
      h = x;
    at.observe("router_h", h);
    if constexpr (notes_state) {
      require(!at.earlier().empty(), "block ", at.block, ": the router notes its state in a routing, but none is made");
      at.earlier().back().note("router_h", h);  // the one that is being made
    }
    const variable<B> features = my.layer.h_ln(at, h);
    if constexpr (has_logits) {
      const index_t experts = my.layer.gate.rows();
      if (!z) z = at.constant(matrix<B>::filled(x.rows(), experts, typename B::scalar(0)));
      require(z.cols() == experts, "global_router: logits of ", z.cols(),
              " experts cannot be propagated to a layer of ", experts, " experts");
      const variable<B> q = cuts_raw ? at.cut("propagated_logits", z) : z;
      const variable<B> e = matmul((*my.layer.z_ln)(at, q), at.use(*my.layer.z_proj), op::transpose);
      const variable<B> propagated = cuts_projected ? at.cut("propagated_features", e) : e;
      if (!cuts_projected) at.observe("propagated_features", e);
      z = matmul_side_by_side(features, propagated, at.use(my.layer.gate));
    } else {
      z = matmul(features, at.use(my.layer.gate), op::transpose);
    }
    return z;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logit_per_expert<Card>,
                  "gmoe: global_router makes one logit per expert, but the card's score asks for other columns");
    static_assert(!has_logits || !has_uneven_layers<Card>,
                  "gmoe: global_router hands logits from layer to layer, but the card's pool shows other numbers of "
                  "experts to other layers");
    return true;
  }
};

}  // namespace gmoe
