#pragma once
/// Dot products of rows, and sums of everything.

#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct reduce_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void row_dots(out y, S beta, in a, in b) {
    matrix<B> products(a.rows, a.cols);
    B::map(products.view(), S(0), fn::times{}, a, b);
    B::row_sums(y, beta, S(1), products.view());
  }

  static void sum(out y, S beta, S scale, in x) {
    matrix<B> of_rows(x.rows, 1);
    B::row_sums(of_rows.view(), S(0), S(1), x);
    B::col_sums(y, beta, scale, of_rows.view());
  }

  /// The squares of a row are summed by the backend, those sums in double on the host.
  static double sum_of_squares(in x) {
    matrix<B> squares(x.rows, 1);
    B::row_dots(squares.view(), S(0), x, x);
    double total = 0;
    for (const S s : squares.to_host()) total += static_cast<double>(s);
    return total;
  }
};

}  // namespace gmoe::generic
