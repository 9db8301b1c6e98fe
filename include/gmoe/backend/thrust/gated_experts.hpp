#pragma once
/// Gated experts, forward and backward: gather rows, three products per expert, weight, add up.

#include "gmoe/backend/thrust/groups.hpp"
#include "gmoe/backend/thrust/map.hpp"
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
struct gated_expert_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y_t = sum over t's pairs of w_p E_e(x_t), E(x) = W_out' (act(W_gate x) * (W_up x)). For the backward pass `gate`
  /// and `up` (P x widest) become the two products; an expert uses as many columns as it has units.
  template <class Activation>
  static void gated_experts_forward(const Activation& act, in x, const gated_blocks<const S>& w, out gate, out up,
                                    out y, const pair_rows<S>& pairs, const row_ranges& groups) {
    const bool all = pairs.everything();
    const index_t d = x.cols, total = groups.total();
    const scratch<S> gathered(all ? 0 : total * d), outputs(all ? 0 : total * d), activated(total * gate.cols);
    const in from = all ? x : gather({gathered, total, d, d}, x, pairs);
    kernels::grouped_gemm(op::transpose, from, w.gate, S(0), gate, groups);
    kernels::grouped_gemm(op::transpose, from, w.up, S(0), up, groups);
    const out h{activated, total, gate.cols, gate.cols};
    map_kernels<S>::map(h, S(0), fn::gated_unit<Activation>{act}, in(gate), in(up));
    const out to = all ? y : out{outputs, total, d, d};
    kernels::grouped_gemm(op::none, h, w.out, S(0), to, groups);
    if (!all) kernels::combine_pairs(y, S(0), to, pairs);
  }

  /// dx = ... + beta dx, if asked for; dweights (T x K, may be empty) = <dy_t, E_e(x_t)>, not written for pairs without
  /// a row. Leaves what the experts' own gradients are made of: `gate` and `up` become their gradients, `hidden` (laid
  /// out alike) the input of W_out', and the rows of `pair_dy` (P x d) w_p dy_t; for all rows that is dy, and not made.
  template <class Activation>
  static void gated_experts_backward(const Activation& act, in dy, const gated_blocks<const S>& w, out gate, out up,
                                     out hidden, out pair_dy, out dweights, out* dx, S beta, const pair_rows<S>& pairs,
                                     const row_ranges& groups) {
    const bool all = pairs.everything();
    const index_t d = dy.cols, total = groups.total();
    const in from = all ? dy : gather(pair_dy, dy, pairs);
    kernels::grouped_gemm(op::transpose, from, w.out, S(0), hidden, groups);
    for_each_row(
        total, hidden.cols,
        gated_slopes_row<S, Activation>{{act}, gate, up, hidden, pairs, all ? nullptr : dweights.data, pair_dy});
    if (!dx) return;
    const scratch<S> d_inputs(all ? 0 : total * d);
    const out to = all ? *dx : out{d_inputs, total, d, d};
    kernels::grouped_gemm(op::none, gate, w.gate, all ? beta : S(0), to, groups);
    kernels::grouped_gemm(op::none, up, w.up, S(1), to, groups);
    if (!all) kernels::combine_pairs(*dx, beta, to, pairs.without_weights());
  }

 private:
  using kernels = group_kernels<S>;

  static in gather(out to, in from, const pair_rows<S>& pairs) {
    kernels::gather_pairs(to, S(0), from, pairs.without_weights());
    return to;
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
