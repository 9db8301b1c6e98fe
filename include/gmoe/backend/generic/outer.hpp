#pragma once
/// Products of two vectors in every row, and what undoes them, block of columns by block.

#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct outer_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void outer_rows(out y, S beta, in a, in b) {
    for (index_t i = 0; i < a.cols; ++i)
      B::map_with_col(y.col_block(i * b.cols, b.cols), beta, fn::times{}, b, a.col_block(i, 1));
  }

  static void contract_rows(out y, S beta, in x, in b) {
    for (index_t i = 0; i < y.cols; ++i) B::row_dots(y.col_block(i, 1), beta, x.col_block(i * b.cols, b.cols), b);
  }

  static void contract_rows_left(out y, S beta, in x, in a) {
    if (a.cols == 0 && beta == S(0)) B::fill(y, S(0));
    for (index_t i = 0; i < a.cols; ++i)
      B::map_with_col(y, i == 0 ? beta : S(1), fn::times{}, x.col_block(i * y.cols, y.cols), a.col_block(i, 1));
  }
};

}  // namespace gmoe::generic
