#pragma once
/// Feed-forward experts: the forward pass and the gradients of the weights are compositions (backend/generic/) of this
/// backend's grouped products; the element-wise part of the backward pass is one kernel.
///
/// The lengths of the experts' runs are sizes of products, which the host has to know: they are sent for when the pairs
/// are sorted (see dispatch), and this is the only place of a training step where the host waits for the GPU.

#include "gmoe/backend/dispatch.hpp"
#include "gmoe/backend/generic/experts.hpp"
#include "gmoe/backend/thrust/groups.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/thrust_forward.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Row i of the hidden units, where dh = dy W_out': <dy, E(x)> into dweights, and dh := w dh act'; dy := w dy.
template <class S, bool KeepsOutput, class Activation>
struct expert_slopes_row {
  Activation act;
  matrix_view<S> dh, h;  ///< h becomes act's output unless it is that already
  pair_rows<S> pairs;
  S* dweights;        ///< or null
  matrix_view<S> dy;  ///< of every row; not read without weights
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const index_t pair = pairs.order ? pairs.order[i] : 0;
    const S w = pairs.weights ? pairs.weights[pair] : S(1);
    S part = 0;
    for (index_t j = team.first(); j < h.cols; j += team.step()) {
      const S g = dh(i, j), kept = h(i, j);
      S value = kept;
      if constexpr (!KeepsOutput) h(i, j) = value = act.value(kept);
      part += g * value;
      dh(i, j) = w * g * act.slope(kept, value);
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
struct expert_kernels : generic::expert_kernels<thrust_backend<S>, S> {
  using composed = generic::expert_kernels<thrust_backend<S>, S>;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// dx = ... + beta dx; dweights (T x K, may be empty) = <dy_t, E_e(x_t)>, not written for dropped pairs. Leaves what
  /// the experts' own gradients are made of: `hidden` becomes act's output, `d_hidden` the gradient of its input, and
  /// the rows of `pair_dy` (sorted by expert) w_te dy_t; without pairs that is dy, and not made.
  template <bool KeepsOutput, class Activation>
  static void experts_backward(const Activation& act, out* dx, S beta, out dweights, out d_hidden, out pair_dy, in dy,
                               out hidden, const typename composed::pair_list& list,
                               const expert_view<const S>& experts) {
    using kernels = group_kernels<S>;
    const pair_rows<S> pairs = list.rows();
    const bool all = pairs.everything();
    const generic::expert_ranges of(list, dy.rows, experts.experts);
    const out h = hidden.row_block(0, of.rows()), dh = d_hidden.row_block(0, of.rows());
    const out own_dy = all ? out{} : pair_dy.row_block(0, of.rows());
    if (!all) kernels::gather_pairs(own_dy, S(0), dy, pairs.without_weights());
    kernels::grouped_gemm(op::transpose, all ? dy : in(own_dy), generic::blocks(experts.w_out, experts), S(0), dh,
                          of.groups);
    for_each_row(of.rows(), experts.widest,
                 expert_slopes_row<S, KeepsOutput, Activation>{act, dh, h, all ? pair_rows<S>{} : pairs,
                                                               all ? nullptr : dweights.data, own_dy});
    if (!dx) return;
    generic::pair_output<thrust_backend<S>> to(*dx, beta, pairs, of.rows());
    kernels::grouped_gemm(op::none, in(dh), generic::blocks(experts.w_in, experts), to.beta, to.rows, of.groups);
    to.combine(pairs.without_weights());
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
