#pragma once
/// A mixture of gated experts: y_t = sum over t's pairs of w_te W_out,e' (act(W_gate,e x_t) * (W_up,e x_t)).

#include <array>
#include <type_traits>
#include <utility>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/ops/grouped_matmul.hpp"

namespace gmoe {

/// The activations of gated layers by their names (Shazeer, "GLU Variants Improve Transformer", 2020).
using swiglu = fn::silu;
using geglu = fn::gelu;
using reglu = fn::relu;

namespace detail {

/// What a use of gated experts keeps for the backward pass.
template <class B, class Activation>
struct gated_pass {
  using scalar = typename B::scalar;

  variable<B> x, weights, w_gate, w_up, w_out;  ///< weights: or nothing
  pair_groups<B> pairs;                         ///< of no experts: every token goes to the only one
  block_layout blocks;
  matrix<B> gate{}, up{};               ///< P x widest, rows B::row_stride apart
  std::array<id_type, 2> everything{};  ///< where the only expert's rows begin and end

  bool all() const { return pairs.groups == 0; }
  index_t rows() const { return all() ? x.rows() : pairs.rows; }
  row_ranges ranges() const { return all() ? row_ranges{everything.data(), 1} : pairs.ranges(); }
  pair_rows<scalar> list() const {
    return all() ? pair_rows<scalar>{} : pairs.pairs(weights ? weights.value().data() : nullptr);
  }
  gated_blocks<const scalar> matrices() const {
    return {blocks.over(w_gate.value().view()), blocks.over(w_up.value().view()), blocks.over(w_out.value().view())};
  }
  matrix<B> hidden() const { return matrix<B>(rows(), B::row_stride(blocks.widest())); }
  matrix_view<scalar> units(matrix<B>& of) const { return of.view().col_block(0, blocks.widest()); }

  matrix<B> forward() {
    everything[1] = static_cast<id_type>(x.rows());
    gate = hidden();
    up = hidden();
    matrix<B> y(x.rows(), x.cols());
    B::gated_experts_forward(Activation{}, x.value().view(), matrices(), units(gate), units(up), y.view(), list(),
                             ranges());
    return y;
  }

  /// Uses up `gate` and `up`.
  void backward(const matrix<B>& dy) {
    matrix<B> h = hidden(), pair_dy = all() ? dy : matrix<B>(rows(), dy.cols()), dw;
    if (weights && weights.needs_gradient()) dw = matrix<B>::filled(weights.rows(), weights.cols(), scalar(0));
    matrix_view<scalar> dx;
    scalar beta = 0;
    if (x.needs_gradient()) {
      const auto s = x.sink();
      dx = s.to->view();
      beta = s.beta;
    }
    B::gated_experts_backward(Activation{}, dy.view(), matrices(), units(gate), units(up), units(h),
                              all() ? matrix_view<scalar>{} : pair_dy.view(), dw.view(),
                              x.needs_gradient() ? &dx : nullptr, beta, list(), ranges());
    if (!dw.empty()) weights.add_gradient(dw);
    if (w_out.needs_gradient()) add_block_gradients(w_out, units(h), std::as_const(pair_dy).view(), blocks, ranges());
    if (!w_gate.needs_gradient() && !w_up.needs_gradient()) return;
    matrix<B> sorted = all() ? x.value() : matrix<B>(rows(), x.cols());
    if (!all()) B::gather_pairs(sorted.view(), 0, x.value().view(), pairs.pairs());
    if (w_gate.needs_gradient())
      add_block_gradients(w_gate, units(gate), std::as_const(sorted).view(), blocks, ranges());
    if (w_up.needs_gradient()) add_block_gradients(w_up, units(up), std::as_const(sorted).view(), blocks, ranges());
  }
};

}  // namespace detail

/// x: T x d; weights: T x K or nothing (weight 1); `pairs` sorts the choices by expert, null: every token goes to the
/// only expert (a dense layer). w_gate, w_up, w_out: units x d, with expert e's units in block e of `blocks`.
///     a = W_gate x    b = W_up x    h = act(a) b    dh = w_te W_out dy_t
///     dw_te = <dy_t, E_e(x_t)>    da = dh b act'(a)    db = dh act(a)    dx_t += W_gate' da + W_up' db
template <class B, class Activation>
variable<B> gated_experts(const Activation&, const variable<B>& x, const variable<B>& weights,
                          std::type_identity_t<const pair_groups<B>*> pairs, const variable<B>& w_gate,
                          const variable<B>& w_up, const variable<B>& w_out, const block_layout& blocks) {
  for (const variable<B>* w : {&w_gate, &w_up, &w_out})
    require(w->cols() == x.cols() && w->rows() == w_gate.rows(), "gated_experts: weights of ", w_gate.rows(), " x ",
            w_gate.cols(), ", ", w_up.rows(), " x ", w_up.cols(), " and ", w_out.rows(), " x ", w_out.cols(),
            " for an input of ", x.cols(), " columns");
  detail::require_blocks("gated_experts", w_gate, blocks, pairs ? pairs->groups : 1);
  require(!pairs || pairs->tokens == x.rows(), "gated_experts: ", x.rows(), " rows, but pairs of ",
          pairs ? pairs->tokens : 0, " tokens");
  require(!weights || (pairs && weights.rows() == pairs->tokens && weights.cols() == pairs->slots),
          "gated_experts: the weights must have the shape of the choices");
  detail::gated_pass<B, Activation> pass{x, weights, w_gate, w_up, w_out, pairs ? *pairs : pair_groups<B>(), blocks};
  matrix<B> y = pass.forward();
  return make_result(
      std::move(y), [pass = std::move(pass)](const variable<B>& y) mutable { pass.backward(y.gradient()); }, x, weights,
      w_gate, w_up, w_out);
}

}  // namespace gmoe
