#pragma once
/// A mixture of feed-forward experts: y_t = sum over t's chosen experts of w_te W_out,e' act(W_in,e x_t).

#include <type_traits>

#include "gmoe/backend/dispatch.hpp"
#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// Where a layer's experts lie in a bank: ids, widths. Plain numbers, valid as long as the bank.
template <class B>
struct expert_layout {
  const index_t* first_unit = nullptr;  ///< of every expert of the bank, and one past the last
  const id_type* visible = nullptr;        ///< bank ids of the layer's experts
  index_t experts = 0;
  index_t widest = 0;

  template <class T>
  expert_view<T> over(matrix_view<T> w_in, matrix_view<T> w_out) const {
    return {w_in, w_out, first_unit, visible, experts, widest};
  }
};

/// x: T x d; weights: T x K or nothing (weight 1); `pairs` sorts the choices by expert, null: every token goes to
/// expert 0 (a dense layer). w_in, w_out: units x d. With dy the gradient of y:
///     dw_te = <dy_t, E_e(x_t)>     dE = w_te dy_t, through the two products and the activation
template <class B, class Body>
variable<B> apply_experts(Body, const variable<B>& x, const variable<B>& weights,
                          std::type_identity_t<const dispatch<B>*> pairs,
                          const variable<B>& w_in, const variable<B>& w_out, const expert_layout<B>& layout) {
  using activation = typename Body::activation;
  constexpr bool keeps_output = Body::slope_from_output;
  const auto list = [](const dispatch<B>& p, const variable<B>& w) {
    using pair_list = typename B::pair_list;
    return p.experts == 0 ? pair_list{}
                          : pair_list{p.order.data(), p.position.data(), p.offsets_on_host(), p.slots,
                                      w ? w.value().view() : matrix_view<const typename B::scalar>{}};
  };
  require(w_in.cols() == x.cols() && w_out.cols() == x.cols() && w_in.rows() == w_out.rows(),
          "apply_experts: weights of ", w_in.rows(), " x ", w_in.cols(), " and ", w_out.rows(), " x ", w_out.cols(),
          " for an input of ", x.cols(), " columns");
  require(!pairs || (pairs->tokens == x.rows() && pairs->experts == layout.experts), "apply_experts: choices of ",
          pairs ? pairs->tokens : 0, " tokens among ", pairs ? pairs->experts : 0, " experts, but there are ", x.rows(),
          " tokens and ", layout.experts, " experts");
  require(!weights || (pairs && weights.rows() == pairs->tokens && weights.cols() == pairs->slots),
          "apply_experts: the weights must have the shape of the choices");
  const dispatch<B> kept = pairs ? *pairs : dispatch<B>{};
  matrix<B> y(x.rows(), x.cols()), hidden(x.rows() * (pairs ? pairs->slots : 1), layout.widest);
  B::template experts_forward<keeps_output>(activation{}, y.view(), hidden.view(), x.value().view(),
                                            list(kept, weights),
                                            layout.over(w_in.value().view(), w_out.value().view()));
  return make_result(
      std::move(y),
      [=](const variable<B>& y) {
        using scalar = typename B::scalar;
        const auto zeroed = [](const variable<B>& v) {
          auto s = v.sink();
          if (s.beta == 0) B::fill(s.to->view(), scalar(0));
          return s.to->view();
        };
        matrix<B> unused_in, unused_out, dw;
        const auto gradient_of = [&](const variable<B>& v, matrix<B>& unused) {
          if (v.needs_gradient()) return zeroed(v);
          unused = matrix<B>::filled(v.rows(), v.cols(), scalar(0));
          return unused.view();
        };
        const auto d_in = gradient_of(w_in, unused_in), d_out = gradient_of(w_out, unused_out);
        if (weights && weights.needs_gradient()) dw = matrix<B>::filled(weights.rows(), weights.cols(), scalar(0));
        matrix_view<scalar> dx;
        scalar beta = 0;
        if (x.needs_gradient()) {
          const auto s = x.sink();
          dx = s.to->view();
          beta = s.beta;
        }
        B::template experts_backward<keeps_output>(
            activation{}, x.needs_gradient() ? &dx : nullptr, beta, dw.view(), layout.over(d_in, d_out),
            std::as_const(y.gradient()).view(), x.value().view(), hidden.view(), list(kept, weights),
            layout.over(w_in.value().view(), w_out.value().view()));
        if (!dw.empty()) weights.add_gradient(dw);
      },
      x, weights, w_in, w_out);
}

}  // namespace gmoe
