#pragma once
/// GMoE's Global Router (Hong & Kim, ACL 2026): a GRU over depth, shared by all layers, and a routing head per
/// layer that also reads the previous layer's logits.
///
///     h^l = GRU(x^l, h^{l-1})                        h^{-1} = 0      carried with its gradient
///     e^l = W_z^l LN_z^l( sg(z^{l-1}) )              z^{-1} = 0      raw logits, cut from the gradient
///     z^l = W_g^l [ LN_h^l(h^l) ; e^l ]

#include <optional>

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/gru_cell.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// Part of the router: the GRU's hidden state. Without it h^l = x^l.
struct hidden_state {};

/// Where the propagated logits are cut from the gradient.
enum class cut { raw_logits, projected, nowhere };
/// Part of the router: the previous layer's logits. Without it z^l = W_g^l LN_h^l(h^l).
template <cut Where = cut::raw_logits>
struct propagate {};
using propagated_logits = propagate<>;

/// `global_router<hidden_state, propagated_logits>` is GMoE's; leaving out a part is its ablation.
template <class... Parts>
struct global_router : router_policy {
  static constexpr bool has_state = (std::is_same_v<Parts, hidden_state> || ...);
  static constexpr bool cuts_raw = (std::is_same_v<Parts, propagate<cut::raw_logits>> || ...);
  static constexpr bool cuts_projected = (std::is_same_v<Parts, propagate<cut::projected>> || ...);
  static constexpr bool cuts_nowhere = (std::is_same_v<Parts, propagate<cut::nowhere>> || ...);
  static constexpr bool has_logits = cuts_raw || cuts_projected || cuts_nowhere;
  static_assert(sizeof...(Parts) == std::size_t{has_state} + cuts_raw + cuts_projected + cuts_nowhere,
                "gmoe: global_router takes hidden_state and propagate<...>, each at most once");
  static_assert(int{cuts_raw} + cuts_projected + cuts_nowhere <= 1,
                "gmoe: global_router was given two places to cut the propagated logits");

  /// Shared by all layers.
  template <class B>
  struct shared {
    std::optional<nn::gru_cell<B>> gru;

    shared(const builder<B>& make, const sizes& s) {
      if constexpr (has_state) gru.emplace(make.scope("gru"), s.d_model, s.d_model);
    }
    void each(auto&& visit) {
      if (gru) gru->each(visit);
    }
  };

  /// Carried from layer to layer, per token.
  template <class B>
  struct state {
    variable<B> h;  ///< T x d
    variable<B> z;  ///< T x N
  };

  template <class B>
  struct layer {
    nn::layer_norm<B> h_ln;
    std::optional<nn::layer_norm<B>> z_ln;
    parameter<B> z_proj;  ///< W_z: d x N
    parameter<B> gate;    ///< W_g: N x 2d, or N x d without propagation

    layer(const builder<B>& make, const sizes& s, const layer_shape& l)
        : h_ln(make.scope("h_ln"), s.d_model, s.layer_norm_epsilon),
          gate(make.linear("gate_head", l.experts, has_logits ? 2 * s.d_model : s.d_model)) {
      if constexpr (has_logits) {
        z_ln.emplace(make.scope("prev_score_ln"), l.experts, s.layer_norm_epsilon);
        z_proj = make.linear("prev_score_proj", s.d_model, l.experts);
      }
    }

    variable<B> logits(const context<B>& ctx, const variable<B>& x, shared<B>& global, state<B>& carried) {
      if constexpr (has_state)
        carried.h = (*global.gru)(ctx, x, carried.h);
      else
        carried.h = x;
      ctx.observe("router_h", carried.h);
      const variable<B> features = h_ln(ctx, carried.h);
      if constexpr (has_logits) {
        const index_t experts = gate.rows();
        if (!carried.z) carried.z = ctx.constant(matrix<B>::filled(x.rows(), experts, typename B::scalar(0)));
        require(carried.z.cols() == experts, "global_router: logits of ", carried.z.cols(),
                " experts cannot be propagated to a layer of ", experts, " experts");
        const variable<B> q = cuts_raw ? ctx.cut("propagated_logits", carried.z) : carried.z;
        const variable<B> e = matmul((*z_ln)(ctx, q), ctx.use(z_proj), op::transpose);
        const variable<B> propagated = cuts_projected ? ctx.cut("propagated_features", e) : e;
        if (!cuts_projected) ctx.observe("propagated_features", e);
        carried.z = matmul_side_by_side(features, propagated, ctx.use(gate));
      } else {
        carried.z = matmul(features, ctx.use(gate), op::transpose);
      }
      return carried.z;
    }

    void each(auto&& visit) {
      h_ln.each(visit);
      if constexpr (has_logits) {
        z_ln->each(visit);
        visit(z_proj);
      }
      visit(gate);
    }
  };
};

}  // namespace gmoe
