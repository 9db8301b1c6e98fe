#pragma once
/// Products of two vectors in every row, and what undoes them: a row of m n numbers is an m x n matrix.

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct outer_element {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> a, b;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, y.cols), in_row(at.col, b.cols);
    put(y(at.row, at.col), beta, a(at.row, in_row.row) * b(at.row, in_row.col));
  }
};

/// One sum of products, over the places of either of the two vectors.
template <class S>
struct contract_element {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> x, v;
  index_t block, step;  ///< of x: from one element of y to the next, and from one term of a sum to the next
  GMOE_HD void operator()(index_t n) const {
    const position at(n, y.cols);
    const S *from = x.row(at.row) + at.col * block, *factor = v.row(at.row);
    S sum = 0;
    for (index_t k = 0; k < v.cols; ++k) sum += from[k * step] * factor[k];
    put(y(at.row, at.col), beta, sum);
  }
};

template <class S>
struct outer_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y(t, i n + j) = a(t, i) b(t, j) + beta y; a T x m, b T x n.
  static void outer_rows(out y, S beta, in a, in b) { for_each_index(y.size(), outer_element<S>{y, beta, a, b}); }

  /// y(t, i) = sum over j of x(t, i n + j) b(t, j) + beta y; x T x m n, b T x n.
  static void contract_rows(out y, S beta, in x, in b) {
    for_each_index(y.size(), contract_element<S>{y, beta, x, b, b.cols, 1});
  }

  /// y(t, j) = sum over i of x(t, i n + j) a(t, i) + beta y; x T x m n, a T x m.
  static void contract_rows_left(out y, S beta, in x, in a) {
    for_each_index(y.size(), contract_element<S>{y, beta, x, a, 1, y.cols});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
