#pragma once
/// Layer normalisation of each row, biased variance (Ba et al. 2016).

#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct layer_norm_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void layer_norm(out y, out moments, in x, in gain, in bias, S epsilon) {
    const S share = S(1) / static_cast<S>(x.cols);
    const out mean = moments.col_block(0, 1), rstd = moments.col_block(1, 1);
    matrix<B> deviation(x.rows, x.cols), square(x.rows, 1);
    B::row_sums(mean, S(0), share, x);
    B::map_with_col(deviation.view(), S(0), fn::minus{}, x, mean);
    B::row_dots(square.view(), S(0), deviation.view(), deviation.view());
    B::map(square.view(), S(0), fn::scaled<S>{share}, square.view());
    B::map(rstd, S(0), fn::inverse_root<S>{epsilon}, square.view());
    B::map_with_col(deviation.view(), S(0), fn::times{}, deviation.view(), rstd);
    B::map_with_row(y, S(0), fn::times{}, deviation.view(), gain);
    B::map_with_row(y, S(0), fn::plus{}, y, bias);
  }

  /// With g = dy * gain and xhat the normalised row:
  ///     dx = rstd (g - mean(g) - xhat mean(g xhat)) + beta dx,   dgain += sum dy xhat,   dbias += sum dy.
  static void layer_norm_backward(out dx, S beta, out dgain, out dbias, in dy, in x, in moments, in gain) {
    const S share = S(1) / static_cast<S>(x.cols);
    const in mean = moments.col_block(0, 1), rstd = moments.col_block(1, 1);
    matrix<B> xhat(x.rows, x.cols), g(x.rows, x.cols), product(x.rows, x.cols), of_row(x.rows, 1);
    B::map_with_col(xhat.view(), S(0), fn::minus{}, x, mean);
    B::map_with_col(xhat.view(), S(0), fn::times{}, xhat.view(), rstd);
    B::map(product.view(), S(0), fn::times{}, dy, xhat.view());
    B::col_sums(dgain, S(1), S(1), product.view());
    B::col_sums(dbias, S(1), S(1), dy);

    B::map_with_row(g.view(), S(0), fn::times{}, dy, gain);
    B::map(product.view(), S(0), fn::times{}, g.view(), xhat.view());
    B::row_sums(of_row.view(), S(0), share, product.view());
    B::map_with_col(xhat.view(), S(0), fn::times{}, xhat.view(), of_row.view());
    B::row_sums(of_row.view(), S(0), share, g.view());
    B::map_with_col(g.view(), S(0), fn::minus{}, g.view(), of_row.view());
    B::map(g.view(), S(0), fn::minus{}, g.view(), xhat.view());
    B::map_with_col(dx, beta, fn::times{}, g.view(), rstd);
  }
};

}  // namespace gmoe::generic
