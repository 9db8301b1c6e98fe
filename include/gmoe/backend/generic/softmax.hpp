#pragma once
/// Softmax over rows and its relatives: every step is a pass over the matrix.

#include <algorithm>
#include <limits>

#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct softmax_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// exp(x - top) / sum: what is largest becomes 1 before it is divided, so that nothing overflows.
  static void softmax_rows(out y, in x) {
    if (x.cols == 0) return;
    const matrix<B> top = largest_of_rows<B>(x);
    matrix<B> sum(x.rows, 1);
    B::map_with_col(y, S(0), fn::exp_of_difference{}, x, top.view());
    B::row_sums(sum.view(), S(0), S(1), y);
    B::map_with_col(y, S(0), fn::over{}, y, sum.view());
  }

  static void softmax_rows_backward(out dx, S beta, in dy, in y) {
    matrix<B> dot(y.rows, 1), rest(y.rows, y.cols);
    B::row_dots(dot.view(), S(0), dy, y);
    B::map_with_col(rest.view(), S(0), fn::minus{}, dy, dot.view());
    B::map(dx, beta, fn::times{}, y, rest.view());
  }

  /// top + log(sum of exp(x - top)), where what is subtracted is finite. By strips of rows, so that no second matrix of
  /// x's size is needed: x may be the logits of a vocabulary.
  static void log_sum_exp_rows(out y, in x) {
    if (x.cols == 0) return B::fill(y, -std::numeric_limits<S>::infinity());
    constexpr index_t strip = 256;
    matrix<B> exponentials(std::min(strip, x.rows), x.cols);
    for (index_t first = 0; first < x.rows; first += strip) {
      const index_t rows = std::min(strip, x.rows - first);
      const in from = x.row_block(first, rows);
      const out to = y.row_block(first, rows), e = exponentials.view().row_block(0, rows);
      const matrix<B> top = largest_of_rows<B>(from);
      matrix<B> shift(rows, 1);
      B::map(shift.view(), S(0), finite<S>{std::numeric_limits<S>::max()}, top.view());
      B::map_with_col(e, S(0), fn::exp_of_difference{}, from, shift.view());
      B::row_sums(to, S(0), S(1), e);
      B::map(to, S(0), log_of{}, to);
      B::map(to, S(0), fn::plus{}, to, top.view());
    }
  }

  /// The visible columns of each row are moved together, best first, behind them minus infinities, and back.
  static void masked_softmax_rows(out y, in x, in mask) {
    id_matrix<B> visible(x.rows, x.cols);
    B::top_k_visible(visible.view(), x, mask);
    const matrix<B> there = filled_slots<B>(visible.view(), x.cols);
    matrix<B> z(x.rows, x.cols);
    B::gather_elements(z.view(), x, visible.view());
    B::map(z.view(), S(0), only_there{}, z.view(), there.view());
    B::softmax_rows(z.view(), z.view());
    B::fill(y, S(0));
    B::scatter_add_elements(y, z.view(), visible.view());
  }

  /// max(x / 2 - tau, 0)^2, with tau such that the row sums to one: tau is between -1 and 0, halved until it is known
  /// which entries are above it, of which it is then a root of a quadratic.
  static void entmax_rows(out y, in x) {
    if (x.cols == 0) return;
    const matrix<B> top = largest_of_rows<B>(x);
    matrix<B> z(x.rows, x.cols), value(x.rows, x.cols), sum(x.rows, 1), tau(x.rows, 1);
    matrix<B> low = matrix<B>::filled(x.rows, 1, -1), high = zeros<B>(x.rows, 1);
    B::map_with_col(z.view(), S(0), fn::entmax_input{}, x, top.view());
    for (int halving = 0; halving < fn::entmax_value::halvings; ++halving) {
      B::map(tau.view(), S(0), middle{}, low.view(), high.view());
      B::map_with_col(value.view(), S(0), fn::entmax_value{}, z.view(), tau.view());
      B::row_sums(sum.view(), S(0), S(1), value.view());
      B::map(low.view(), S(0), raised{}, low.view(), tau.view(), sum.view());
      B::map(high.view(), S(0), lowered{}, high.view(), tau.view(), sum.view());
    }
    matrix<B> in_support(x.rows, x.cols), count(x.rows, 1), mean(x.rows, 1), squares(x.rows, 1);
    B::map_with_col(in_support.view(), S(0), above{}, z.view(), low.view());
    B::row_sums(count.view(), S(0), S(1), in_support.view());
    B::row_dots(mean.view(), S(0), in_support.view(), z.view());
    B::map(mean.view(), S(0), fn::over{}, mean.view(), count.view());
    B::map_with_col(value.view(), S(0), fn::minus{}, z.view(), mean.view());
    B::map(value.view(), S(0), fn::times{}, value.view(), value.view());
    B::row_dots(squares.view(), S(0), in_support.view(), value.view());
    B::map(tau.view(), S(0), entmax_root{}, mean.view(), squares.view(), count.view());
    B::map_with_col(y, S(0), fn::entmax_value{}, z.view(), tau.view());
  }
};

}  // namespace gmoe::generic
