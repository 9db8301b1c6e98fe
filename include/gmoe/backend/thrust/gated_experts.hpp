#pragma once
/// Gated experts: the forward pass is a composition (backend/generic/) of this backend's grouped products; the
/// element-wise part of the backward pass is one kernel.

#include "gmoe/backend/generic/gated_experts.hpp"
#include "gmoe/backend/thrust/groups.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/thrust_forward.hpp"
#include "gmoe/core/gated_unit.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Row i of the hidden units, where h holds dh = dy W_out': <dy, E(x)> into dweights; h becomes the unit, a and b their
/// gradients; dy := w dy.
template <class S, class Activation>
struct gated_slopes_row {
  fn::gated_unit<Activation> unit;
  matrix_view<S> a, b, h;
  pair_rows<S> pairs;
  S* dweights;        ///< or null
  matrix_view<S> dy;  ///< of every row; not read without weights
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const index_t pair = pairs.order ? pairs.order[i] : 0;
    const S w = pairs.weights ? pairs.weights[pair] : S(1);
    S part = 0;
    for (index_t j = team.first(); j < h.cols; j += team.step()) {
      const S g = h(i, j);
      const auto made = unit.slope(g, a(i, j), b(i, j));
      part += g * made.h;
      h(i, j) = made.h;
      a(i, j) = w * made.da;
      b(i, j) = w * made.db;
    }
    if (dweights) {
      const S dot = team.sum(part);
      if (team.leads()) dweights[pair] = dot;
    }
    if (pairs.weights)
      for (index_t c = team.first(); c < dy.cols; c += team.step()) dy(i, c) *= w;
  }
};

template <class S>
struct gated_expert_kernels : generic::gated_expert_kernels<thrust_backend<S>, S> {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// dx = ... + beta dx, if asked for; dweights (T x K, may be empty) = <dy_t, E_e(x_t)>, not written for pairs without
  /// a row. Leaves what the experts' own gradients are made of: `gate` and `up` become their gradients, `hidden` (laid
  /// out alike) the input of W_out', and the rows of `pair_dy` (P x d) w_p dy_t; for all rows that is dy, and not made.
  template <class Activation>
  static void gated_experts_backward(const Activation& act, in dy, const gated_blocks<const S>& w, out gate, out up,
                                     out hidden, out pair_dy, out dweights, out* dx, S beta, const pair_rows<S>& pairs,
                                     const row_ranges& groups) {
    using kernels = group_kernels<S>;
    const bool all = pairs.everything();
    if (!all) kernels::gather_pairs(pair_dy, S(0), dy, pairs.without_weights());
    kernels::grouped_gemm(op::transpose, all ? dy : in(pair_dy), w.out, S(0), hidden, groups);
    for_each_row(
        groups.total(), hidden.cols,
        gated_slopes_row<S, Activation>{{act}, gate, up, hidden, pairs, all ? nullptr : dweights.data, pair_dy});
    if (!dx) return;
    generic::pair_output<thrust_backend<S>> to(*dx, beta, pairs, groups.total());
    kernels::grouped_gemm(op::none, in(gate), w.gate, to.beta, to.rows, groups);
    kernels::grouped_gemm(op::none, in(up), w.up, S(1), to.rows, groups);
    to.combine(pairs.without_weights());
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
