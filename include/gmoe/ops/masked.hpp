#pragma once
/// Operations that see some columns only. A mask is a matrix of zeros and ones, the same for all rows (1 x N) or one
/// per row (T x N), and has no gradient.

#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

namespace detail {
template <class B>
void require_mask(const char* what, const variable<B>& x, const matrix<B>& mask) {
  require(mask.cols() == x.cols() && (mask.rows() == 1 || mask.rows() == x.rows()), what, ": a mask of ", mask.rows(),
          " x ", mask.cols(), " for ", x.rows(), " x ", x.cols());
}
}  // namespace detail

/// Softmax over the visible columns of each row, 0 in the others; a row in which nothing is visible is zeros. The
/// logits of masked columns may be anything, infinite or NaN too, and get no gradient.
///     dz = p (dp - <dp, p>)
template <class B>
variable<B> masked_softmax_rows(const variable<B>& z, const matrix<B>& mask) {
  detail::require_mask("masked_softmax_rows", z, mask);
  matrix<B> p(z.rows(), z.cols());
  B::masked_softmax_rows(p.view(), z.value().view(), mask.view());
  return make_result(
      std::move(p),
      [z = z.without_value()](const variable<B>& p, const matrix<B>& value) {
        const auto [to, beta] = z.sink();
        B::softmax_rows_backward(to->view(), beta, std::as_const(p.gradient()).view(), value.view());
      },
      z);
}

/// x where the mask is 1, 0 where it is 0: x times the mask, so that a NaN stays one.
template <class B>
variable<B> mask_cols(const variable<B>& x, const matrix<B>& mask) {
  detail::require_mask("mask_cols", x, mask);
  const auto times = [](matrix_view<typename B::scalar> to, typename B::scalar beta,
                        matrix_view<const typename B::scalar> from, const matrix<B>& mask) {
    if (mask.rows() == from.rows)
      B::map(to, beta, fn::times{}, from, mask.view());
    else
      B::map_with_row(to, beta, fn::times{}, from, mask.view());
  };
  matrix<B> y(x.rows(), x.cols());
  times(y.view(), 0, x.value().view(), mask);
  return make_result(
      std::move(y),
      [x = x.without_value(), mask, times](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        times(to->view(), beta, std::as_const(y.gradient()).view(), mask);
      },
      x);
}

}  // namespace gmoe
