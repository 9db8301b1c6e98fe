#pragma once
/// Rows in groups of equal size, such as the tokens of a sequence: each group transposed, running means within it, and
/// rows turned by their position.

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct transpose_element {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> x;
  index_t group;
  GMOE_HD void operator()(index_t n) const {
    const position to(n, y.cols), from(to.row, x.cols);
    put(y(to.row, to.col), beta, x(from.row * group + to.col, from.col));
  }
};

/// One column of one sequence.
template <class S>
struct prefix_mean_column {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> x;
  index_t sequence;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, x.cols);
    S sum = 0;
    for (index_t place = 0; place < sequence; ++place) {
      const index_t i = at.row * sequence + place;
      sum += x(i, at.col);
      put(y(i, at.col), beta, S(1) / static_cast<S>(place + 1) * sum);
    }
  }
};
template <class S>
struct prefix_mean_column_backward {
  matrix_view<S> dx;
  S beta;
  matrix_view<const S> dy;
  index_t sequence;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, dy.cols);
    S sum = 0;
    for (index_t place = sequence - 1; place >= 0; --place) {
      const index_t i = at.row * sequence + place;
      sum += S(1) / static_cast<S>(place + 1) * dy(i, at.col);
      put(dx(i, at.col), beta, sum);
    }
  }
};

/// Two columns of one row, half a head apart.
template <class S>
struct rotate_pair {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> x, angles;
  index_t sequence, first;
  S way;
  GMOE_HD void operator()(index_t n) const {
    const index_t half = angles.cols / 2;
    const position at(n, x.cols / 2);
    const index_t j = at.col % half, column = at.col / half * angles.cols + j, place = first + at.row % sequence;
    const S a = x(at.row, column), b = x(at.row, column + half), cos = angles(place, j),
            sin = way * angles(place, j + half);
    put(y(at.row, column), beta, fn::rotation{}.first(a, b, cos, sin));
    put(y(at.row, column + half), beta, fn::rotation{}.second(a, b, cos, sin));
  }
};

template <class S>
struct sequence_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// Every `group` rows of x (G group x N) transposed: y (G N x group), y(g N + j, i) = x(g group + i, j) + beta y.
  static void transpose_groups(out y, S beta, in x, index_t group) {
    for_each_index(x.size(), transpose_element<S>{y, beta, x, group});
  }

  /// y_i = mean of x's rows from the first of i's sequence to i + beta y_i: what a token may know of the text.
  static void prefix_means(out y, S beta, in x, index_t sequence) {
    for_each_index(x.rows / sequence * x.cols, prefix_mean_column<S>{y, beta, x, sequence});
  }

  /// dx_i = sum of dy_k / (place of k in the sequence, from 1) over the rows k from i to the sequence's last + beta
  /// dx_i.
  static void prefix_means_backward(out dx, S beta, in dy, index_t sequence) {
    for_each_index(dy.rows / sequence * dy.cols, prefix_mean_column_backward<S>{dx, beta, dy, sequence});
  }

  /// y = x with every head turned by the angles of its row's position, + beta y: see the contract.
  static void rotate(out y, S beta, in x, in angles, index_t sequence, index_t first, S way) {
    for_each_index(x.rows * (x.cols / 2), rotate_pair<S>{y, beta, x, angles, sequence, first, way});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
