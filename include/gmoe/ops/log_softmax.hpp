#pragma once
/// Logarithms of sums of exponentials, of softmax probabilities, and entropies.

#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/reduce.hpp"

namespace gmoe {

/// log sum_j exp(z_j) for each row, rows x 1.
///     dz_j = dy exp(z_j - y)
template <class B>
variable<B> log_sum_exp_rows(const variable<B>& z) {
  matrix<B> y(z.rows(), 1);
  B::log_sum_exp_rows(y.view(), z.value().view());
  return make_result(
      std::move(y),
      [z](const variable<B>& y, const matrix<B>& value) {
        matrix<B> p(z.rows(), z.cols());
        B::map_with_col(p.view(), 0, fn::exp_of_difference{}, z.value().view(), value.view());
        const auto [to, beta] = z.sink();
        B::map_with_col(to->view(), beta, fn::times{}, std::as_const(p).view(), std::as_const(y.gradient()).view());
      },
      z);
}

/// z_j - log sum_i exp(z_i) for each row: the logarithm of the softmax, exact where that is too small for a number.
///     dz_j = dy_j - exp(y_j) sum_i dy_i
template <class B>
variable<B> log_softmax_rows(const variable<B>& z) {
  matrix<B> sums(z.rows(), 1), y(z.rows(), z.cols());
  B::log_sum_exp_rows(sums.view(), z.value().view());
  B::map_with_col(y.view(), 0, fn::minus{}, z.value().view(), std::as_const(sums).view());
  return make_result(
      std::move(y),
      [z = z.without_value()](const variable<B>& y, const matrix<B>& value) {
        const auto dy = std::as_const(y.gradient()).view();
        matrix<B> total(z.rows(), 1), share(z.rows(), z.cols());
        B::row_sums(total.view(), 0, 1, dy);
        B::map(share.view(), 0, fn::value_of<fn::exponential>{}, value.view());
        B::map_with_col(share.view(), 0, fn::times{}, std::as_const(share).view(), std::as_const(total).view());
        const auto [to, beta] = z.sink();
        B::map(to->view(), beta, fn::minus{}, dy, std::as_const(share).view());
      },
      z);
}

/// -sum_j p_j log p_j for each row of probabilities, in nats, rows x 1; what is 0 adds nothing.
template <class B>
variable<B> entropy_rows(const variable<B>& p) {
  return scale(row_sums(x_log_x(p)), -1);
}

}  // namespace gmoe
