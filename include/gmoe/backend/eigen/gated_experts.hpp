#pragma once
/// Gated experts, forward and backward: gather rows, three products per expert, weight, add up. What a composition of
/// groups.hpp's kernels would write for all pairs and read again stays in cache here, an expert's rows at a time.

#include "gmoe/backend/eigen/groups.hpp"
#include "gmoe/backend/eigen/softmax.hpp"
#include "gmoe/core/gated_unit.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S, class Products = full_precision>
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
    const fn::gated_unit<Activation> unit{act};
    const auto outputs = scratch<S>(all ? 0 : total * d);
    for_row_pieces(groups, [&](index_t e, index_t begin, index_t end) {
      const index_t rows = end - begin, units = w.gate.height(e), stride = products::row_stride(units);
      const auto gathered = scratch<S>(all ? 0 : rows * d), activated = scratch<S>(rows * stride);
      const in from = all ? x.row_block(begin, rows) : gather({gathered, rows, d, d}, x, pairs, begin);
      const out a = part(gate, begin, rows, units), b = part(up, begin, rows, units), h{activated, rows, units, stride};
      products::piece(op::none, op::transpose, S(1), from, w.gate.block(e), S(0), a);
      products::piece(op::none, op::transpose, S(1), from, w.up.block(e), S(0), b);
      for (index_t i = 0; i < rows; ++i)
        for_packs<S>(units, [&](index_t j, index_t n) {
          store(h.row(i) + j, unit(load(a.row(i) + j, n), load(b.row(i) + j, n)), n);
        });
      const out to = all ? y.row_block(begin, rows) : out{outputs + begin * d, rows, d, d};
      products::piece(op::none, op::none, S(1), h, w.out.block(e), S(0), to);
    });
    if (!all) group_kernels<S, Products>::combine_pairs(y, S(0), {outputs, total, d, d}, pairs);
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
    const fn::gated_unit<Activation> unit{act};
    const auto d_inputs = scratch<S>(all || !dx ? 0 : total * d);
    for_row_pieces(groups, [&](index_t e, index_t begin, index_t end) {
      const index_t rows = end - begin, units = w.gate.height(e);
      const out own_dy = all ? out{} : pair_dy.row_block(begin, rows);
      const in from = all ? dy.row_block(begin, rows) : gather(own_dy, dy, pairs, begin);
      const out a = part(gate, begin, rows, units), b = part(up, begin, rows, units),
                h = part(hidden, begin, rows, units);
      products::piece(op::none, op::transpose, S(1), from, w.out.block(e), S(0), h);
      for (index_t i = 0; i < rows; ++i) {
        const index_t pair = all ? 0 : pairs.order[begin + i];
        const S weight = pairs.weights && !all ? pairs.weights[pair] : S(1);
        const pack<S> factor(weight);
        pack<S> dot(S(0));  // <dy, E(x)> = <W_out dy, h>
        for_packs<S>(units, [&](index_t j, index_t n) {
          const pack<S> g = load(h.row(i) + j, n);
          const auto made = unit.slope(g, load(a.row(i) + j, n), load(b.row(i) + j, n));
          dot += g * made.h;  // padding lanes: g is zero
          store(h.row(i) + j, made.h, n);
          store(a.row(i) + j, factor * made.da, n);
          store(b.row(i) + j, factor * made.db, n);
        });
        if (all) continue;
        if (dweights.data) dweights.data[pair] = dot.sum();
        if (pairs.weights) scale_span(own_dy.row(i), d, weight);
      }
      if (dx) {
        const out to = all ? dx->row_block(begin, rows) : out{d_inputs + begin * d, rows, d, d};
        products::piece(op::none, op::none, S(1), a, w.gate.block(e), all ? beta : S(0), to);
        products::piece(op::none, op::none, S(1), b, w.up.block(e), S(1), to);
      }
    });
    if (!all && dx)
      group_kernels<S, Products>::combine_pairs(*dx, beta, {d_inputs, total, d, d}, pairs.without_weights());
  }

 private:
  using products = gemm_kernels<S, Products>;

  static out part(out of, index_t begin, index_t rows, index_t units) {
    return of.row_block(begin, rows).col_block(0, units);
  }
  static in gather(out to, in from, const pair_rows<S>& pairs, index_t begin) {
    for (index_t i = 0; i < to.rows; ++i)
      std::memcpy(to.row(i), from.row(pairs.order[begin + i] / pairs.slots),
                  static_cast<std::size_t>(to.cols) * sizeof(S));
    return to;
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
