#pragma once
/// Periodic rows, and ids as zeros, ones and counts.

#include <algorithm>

#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct gather_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void add_rows_periodic(out y, in x, index_t period) {
    for (index_t first = 0; first < x.rows; first += period) {
      const index_t rows = std::min(period, x.rows - first);
      B::map(y.row_block(0, rows), S(1), fn::same{}, x.row_block(first, rows));
    }
  }

  static void one_hot(out y, ids id) {
    count_per_row(y, id);
    B::map(y, S(0), is_above_zero{}, y);  // an id that a row has twice
  }

  static void count_choices(out count, S scale, ids choice) {
    matrix<B> chosen(choice.rows, count.cols);
    count_per_row(chosen.view(), choice);
    B::col_sums(count, S(0), scale, chosen.view());
  }

  static void choice_fractions(out fraction, ids choice) {
    matrix<B> pairs(1, 1);
    B::count_choices(fraction, S(1), choice);
    B::row_sums(pairs.view(), S(0), S(1), fraction);
    B::map_with_col(fraction, S(0), share_of{}, fraction, pairs.view());
  }

 private:
  /// y (T x N) = how often an id is among those of the row.
  static void count_per_row(out y, ids id) {
    const matrix<B> each = ones<B>(id.rows, id.cols);
    B::fill(y, S(0));
    B::scatter_add_elements(y, each.view(), id);
  }
};

}  // namespace gmoe::generic
