#pragma once
/// A GRU cell over whole matrices: products, then all gates in one pass.
///
///     r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)     u = sigmoid(W_iu x + b_iu + W_hu h + b_hu)
///     v = W_hn h + b_hn      n = tanh(W_in x + b_in + r v)      h' = (1 - u) n + u h
///
/// The reset gate multiplies v, bias included (the form of cuDNN and PyTorch).

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"

namespace gmoe {

/// x: T x in, h: T x d or nothing (a zero state, whose products are skipped); w_ih: 3d x in, w_hh: 3d x d, biases
/// 1 x 3d, gate order r, u, n. Returns h', T x d.
template <class B>
variable<B> gru(const variable<B>& x, const variable<B>& h, const variable<B>& w_ih, const variable<B>& w_hh,
                const variable<B>& b_ih, const variable<B>& b_hh) {
  using in = matrix_view<const typename B::scalar>;
  const index_t tokens = x.rows(), d = w_hh.cols();
  require(w_ih.rows() == 3 * d && w_hh.rows() == 3 * d && w_ih.cols() == x.cols(), "gru: weights do not fit: input of ",
          x.cols(), " columns, W_ih ", w_ih.rows(), " x ", w_ih.cols(), ", W_hh ", w_hh.rows(), " x ", w_hh.cols());
  require(b_ih.size() == 3 * d && b_hh.size() == 3 * d, "gru: biases of ", b_ih.size(), " and ", b_hh.size(),
          " numbers, expected ", 3 * d);
  require(!h || (h.rows() == tokens && h.cols() == d), "gru: the state must be ", tokens, " x ", d);

  // One buffer [r | u | n | v]: the gates r and u only need the sum of the two products.
  matrix<B> gates(tokens, B::row_stride(4 * d)), next(tokens, d);
  const auto all = gates.view().col_block(0, 4 * d);
  B::gemm(op::none, op::transpose, 1, x.value().view(), w_ih.value().view(), 0, all.col_block(0, 3 * d));
  const in w_hh_view = w_hh.value().view();
  if (h) {
    const in hv = h.value().view();
    B::gemm(op::none, op::transpose, 1, hv, w_hh_view.row_block(0, 2 * d), 1, all.col_block(0, 2 * d));
    B::gemm(op::none, op::transpose, 1, hv, w_hh_view.row_block(2 * d, d), 0, all.col_block(3 * d, d));
    B::gru_gates(next.view(), all, b_ih.value().view(), b_hh.value().view(), &hv);
  } else {
    B::fill(all.col_block(3 * d, d), typename B::scalar(0));
    B::gru_gates(next.view(), all, b_ih.value().view(), b_hh.value().view(), nullptr);
  }

  return make_result(
      std::move(next),
      [=](const variable<B>& y) mutable {
        const in dy = std::as_const(y.gradient()).view();
        const auto da = gates.view().col_block(0, 4 * d);  // becomes [da_r | da_u | da_n | dv]
        matrix_view<typename B::scalar> dh;
        if (h) {
          const in hv = h.value().view();
          if (h.needs_gradient()) {
            const auto [to, beta] = h.sink();
            dh = to->view();
            B::gru_gates_backward(da, &dh, beta, dy, &hv);
            const in w = w_hh.value().view();
            B::gemm(op::none, op::none, 1, in(da.col_block(0, 2 * d)), w.row_block(0, 2 * d), 1, dh);
            B::gemm(op::none, op::none, 1, in(da.col_block(3 * d, d)), w.row_block(2 * d, d), 1, dh);
          } else {
            B::gru_gates_backward(da, nullptr, 0, dy, &hv);
          }
          if (w_hh.needs_gradient()) {
            const auto [to, beta] = w_hh.sink();
            B::gemm(op::transpose, op::none, 1, in(da.col_block(0, 2 * d)), hv, beta, to->view().row_block(0, 2 * d));
            B::gemm(op::transpose, op::none, 1, in(da.col_block(3 * d, d)), hv, beta, to->view().row_block(2 * d, d));
          }
        } else {
          B::gru_gates_backward(da, nullptr, 0, dy, nullptr);
        }
        const in d_input = da.col_block(0, 3 * d);
        if (w_ih.needs_gradient()) {
          const auto [to, beta] = w_ih.sink();
          B::gemm(op::transpose, op::none, 1, d_input, x.value().view(), beta, to->view());
        }
        if (b_ih.needs_gradient()) {
          const auto [to, beta] = b_ih.sink();
          B::col_sums(to->view(), beta, 1, d_input);
        }
        if (b_hh.needs_gradient()) {
          const auto [to, beta] = b_hh.sink();
          B::col_sums(to->view().col_block(0, 2 * d), beta, 1, in(da.col_block(0, 2 * d)));
          B::col_sums(to->view().col_block(2 * d, d), beta, 1, in(da.col_block(3 * d, d)));
        }
        if (x.needs_gradient()) {
          const auto [to, beta] = x.sink();
          B::gemm(op::none, op::none, 1, d_input, w_ih.value().view(), beta, to->view());
        }
      },
      x, h, w_ih, w_hh, b_ih, b_hh);
}

}  // namespace gmoe
