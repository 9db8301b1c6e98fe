#pragma once
/// Feed-forward experts, forward and backward: gather rows, grouped products, weight, add up.

#include <span>

#include "gmoe/backend/generic/expert_pairs.hpp"
#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct expert_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// What the expert kernels read of a dispatch. Without one, expert 0 gets every row, in order, with weight 1.
  struct pair_list {
    const id_type* order = nullptr;
    const id_type* position = nullptr;
    typename B::host_ids offsets{};
    index_t slots = 1;
    in weights;  ///< T x K, or empty for weight 1

    pair_rows<S> rows() const { return {order, position, slots, weights.data}; }
  };
  /// One layer's part in the gradients of the experts that it sees, as experts_backward leaves it.
  struct weight_job {
    in x, pair_dy, hidden, d_hidden;
    pair_list pairs;
  };

  template <bool KeepsOutput, class Activation>
  static void experts_forward(const Activation& act, out y, out hidden, in x, const pair_list& list,
                              const expert_view<const S>& bank) {
    const pair_rows<S> pairs = list.rows();
    const expert_ranges of(list, x.rows, bank.experts);
    const out kept = hidden.row_block(0, of.rows());
    const pair_input<B> from(x, pairs, of.rows());
    B::grouped_gemm(op::transpose, from.rows, blocks(bank.w_in, bank), S(0), kept, of.groups);
    matrix<B> activated;
    if (!KeepsOutput) activated = matrix<B>(kept.rows, kept.cols);
    const out h = KeepsOutput ? kept : activated.view();
    B::map(h, S(0), fn::value_of<Activation>{act}, kept);
    pair_output<B> to(y, S(0), pairs, of.rows());
    B::grouped_gemm(op::none, h, blocks(bank.w_out, bank), to.beta, to.rows, of.groups);
    to.combine(pairs);
  }

  template <bool KeepsOutput, class Activation>
  static void experts_backward(const Activation& act, out* dx, S beta, out dweights, out d_hidden, out pair_dy, in dy,
                               out hidden, const pair_list& list, const expert_view<const S>& bank) {
    const pair_rows<S> pairs = list.rows();
    const expert_ranges of(list, dy.rows, bank.experts);
    const out kept = hidden.row_block(0, of.rows()), dh = d_hidden.row_block(0, of.rows());
    const in from = pairs.everything() ? dy : in(pair_dy.row_block(0, of.rows()));
    if (!pairs.everything()) B::gather_pairs(pair_dy.row_block(0, of.rows()), S(0), dy, pairs.without_weights());
    B::grouped_gemm(op::transpose, from, blocks(bank.w_out, bank), S(0), dh, of.groups);

    matrix<B> activated;
    if (!KeepsOutput) {
      activated = matrix<B>(kept.rows, kept.cols);
      B::map(activated.view(), S(0), fn::value_of<Activation>{act}, kept);
    }
    const out h = KeepsOutput ? kept : activated.view();
    if (dweights.data) write_pair_dots<B>(dweights, dh, h, pairs, of.groups, blocks(bank.w_in, bank));
    B::map(dh, S(0), fn::slope_of<Activation>{act}, dh, kept, h);
    if (!KeepsOutput) B::map(kept, S(0), fn::same{}, h);
    if (!pairs.everything() && pairs.weights) {
      const matrix<B> w = weights_of_rows<B>(pairs, dy.rows, of.rows());
      B::map_with_col(dh, S(0), fn::times{}, dh, w.view());
      B::map_with_col(pair_dy.row_block(0, of.rows()), S(0), fn::times{}, pair_dy.row_block(0, of.rows()), w.view());
    }
    if (!dx) return;
    pair_output<B> to(*dx, beta, pairs, of.rows());
    B::grouped_gemm(op::none, dh, blocks(bank.w_in, bank), to.beta, to.rows, of.groups);
    to.combine(pairs.without_weights());
  }

  /// Layer after layer: the first by `beta`, the others add.
  static void expert_weight_gradients(const expert_view<S>& gradients, S beta, std::span<const weight_job> layers) {
    for (const weight_job& layer : layers) {
      const expert_ranges of(layer.pairs, layer.x.rows, gradients.experts);
      const pair_input<B> from(layer.x, layer.pairs.rows(), of.rows());
      const auto used = [&](in m) { return m.row_block(0, of.rows()); };
      B::grouped_weight_gradient(used(layer.d_hidden), from.rows, beta, blocks(gradients.w_in, gradients), of.groups);
      B::grouped_weight_gradient(used(layer.hidden), used(layer.pair_dy), beta, blocks(gradients.w_out, gradients),
                                 of.groups);
      beta = S(1);
    }
  }
};

}  // namespace gmoe::generic
