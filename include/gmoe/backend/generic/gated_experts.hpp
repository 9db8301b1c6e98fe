#pragma once
/// Gated experts, forward and backward: gather rows, three grouped products, weight, add up.

#include "gmoe/backend/generic/expert_pairs.hpp"
#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct gated_expert_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  template <class Activation>
  static void gated_experts_forward(const Activation& act, in x, const gated_blocks<const S>& w, out gate, out up,
                                    out y, const pair_rows<S>& pairs, const row_ranges& groups) {
    const pair_input<B> from(x, pairs, groups.total());
    B::grouped_gemm(op::transpose, from.rows, w.gate, S(0), gate, groups);
    B::grouped_gemm(op::transpose, from.rows, w.up, S(0), up, groups);
    matrix<B> h(gate.rows, gate.cols);
    B::map(h.view(), S(0), fn::gated_unit<Activation>{act}, gate, up);
    pair_output<B> to(y, S(0), pairs, groups.total());
    B::grouped_gemm(op::none, h.view(), w.out, to.beta, to.rows, groups);
    to.combine(pairs);
  }

  template <class Activation>
  static void gated_experts_backward(const Activation& act, in dy, const gated_blocks<const S>& w, out gate, out up,
                                     out hidden, out pair_dy, out dweights, out* dx, S beta, const pair_rows<S>& pairs,
                                     const row_ranges& groups) {
    const fn::gated_unit<Activation> unit{act};
    const in from = pairs.everything() ? dy : in(pair_dy);
    if (!pairs.everything()) B::gather_pairs(pair_dy, S(0), dy, pairs.without_weights());
    matrix<B> dh(hidden.rows, hidden.cols), d_gate(hidden.rows, hidden.cols);
    B::grouped_gemm(op::transpose, from, w.out, S(0), dh.view(), groups);
    B::map(hidden, S(0), unit, gate, up);
    if (!pairs.everything() && dweights.data) write_pair_dots<B>(dweights, dh.view(), hidden, pairs, groups, w.out);
    if (!pairs.everything() && pairs.weights) {
      const matrix<B> weights = weights_of_rows<B>(pairs, dy.rows, groups.total());
      B::map_with_col(dh.view(), S(0), fn::times{}, dh.view(), weights.view());
      B::map_with_col(pair_dy, S(0), fn::times{}, pair_dy, weights.view());
    }
    B::map(d_gate.view(), S(0), gated_slope<Activation>{unit}, dh.view(), gate, up);
    B::map(up, S(0), linear_slope<Activation>{unit}, dh.view(), gate);
    B::map(gate, S(0), fn::same{}, d_gate.view());
    if (!dx) return;
    pair_output<B> to(*dx, beta, pairs, groups.total());
    B::grouped_gemm(op::none, gate, w.gate, to.beta, to.rows, groups);
    B::grouped_gemm(op::none, up, w.up, S(1), to.rows, groups);
    to.combine(pairs.without_weights());
  }
};

}  // namespace gmoe::generic
