#pragma once
/// Rows in groups of equal size: each group transposed, running means within it, and rows turned by their position.

#include <utility>

#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct sequence_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// Column by column: a row without gaps is a column whose elements are one apart.
  static void transpose_groups(out y, S beta, in x, index_t group) {
    for (index_t first = 0, to = 0; group > 0 && first < x.rows; first += group)
      for (index_t j = 0; j < x.cols; ++j, ++to)
        B::map(out{y.row(to), group, 1, 1}, beta, fn::same{}, x.row_block(first, group).col_block(j, 1));
  }

  static void prefix_means(out y, S beta, in x, index_t sequence) {
    matrix<B> sum = zeros<B>(x.rows / sequence, x.cols);
    for (index_t place = 0; place < sequence; ++place) {
      B::map(sum.view(), S(1), fn::same{}, at(x, place, sequence));
      B::map(at(y, place, sequence), beta, fn::scaled<S>{S(1) / static_cast<S>(place + 1)}, sum.view());
    }
  }

  static void prefix_means_backward(out dx, S beta, in dy, index_t sequence) {
    matrix<B> sum = zeros<B>(dy.rows / sequence, dy.cols);
    for (index_t place = sequence - 1; place >= 0; --place) {
      B::map(sum.view(), S(1), fn::scaled<S>{S(1) / static_cast<S>(place + 1)}, at(dy, place, sequence));
      B::map(at(dx, place, sequence), beta, fn::same{}, sum.view());
    }
  }

  /// Place by place: there the angles are a row for all sequences. x is copied, as y may be x.
  static void rotate(out y, S beta, in x, in angles, index_t sequence, index_t first, S way) {
    const index_t half = angles.cols / 2, rows = x.rows / sequence;
    matrix<B> a(rows, half), b(rows, half), sin(1, half);
    const auto turn = [&](out to, const matrix<B>& one, in cos, const matrix<B>& other, S sign) {
      B::map_with_row(to, beta, fn::times{}, one.view(), cos);
      B::map(sin.view(), S(0), fn::scaled<S>{sign}, std::as_const(sin).view());
      B::map_with_row(to, S(1), fn::times{}, other.view(), std::as_const(sin).view());
    };
    for (index_t place = 0; place < sequence; ++place) {
      const in angle = angles.row_block(first + place, 1), cos = angle.col_block(0, half);
      for (index_t head = 0; head < x.cols; head += angles.cols) {
        const in from = at(x, place, sequence);
        const out to = at(y, place, sequence);
        B::map(a.view(), S(0), fn::same{}, from.col_block(head, half));
        B::map(b.view(), S(0), fn::same{}, from.col_block(head + half, half));
        B::map(sin.view(), S(0), fn::same{}, angle.col_block(half, half));
        turn(to.col_block(head, half), a, cos, b, -way);
        turn(to.col_block(head + half, half), b, cos, a, S(-1));
      }
    }
  }

 private:
  /// The rows at one place of all sequences.
  template <class View>
  static View at(View x, index_t place, index_t sequence) {
    return {x.row(place), x.rows / sequence, x.cols, sequence * x.stride};
  }
};

}  // namespace gmoe::generic
