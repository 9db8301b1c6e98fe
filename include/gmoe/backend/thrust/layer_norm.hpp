#pragma once
/// Layer normalisation of each row, biased variance (Ba et al. 2016), a team per row.

#include <algorithm>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/reduce.hpp"
#include "gmoe/backend/thrust/workspace.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct layer_norm_row {
  matrix_view<S> y, moments;
  matrix_view<const S> x;
  const S *gain, *bias;
  S epsilon;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S* const xi = x.row(i);
    S part = 0;
    for (index_t j = team.first(); j < x.cols; j += team.step()) part += xi[j];
    const S mean = team.sum(part) / S(x.cols);
    part = 0;
    for (index_t j = team.first(); j < x.cols; j += team.step()) part += (xi[j] - mean) * (xi[j] - mean);
    const S rstd = S(1) / fn::sqrt(team.sum(part) / S(x.cols) + epsilon);
    if (team.leads()) {
      moments(i, 0) = mean;
      moments(i, 1) = rstd;
    }
    for (index_t j = team.first(); j < x.cols; j += team.step())
      y(i, j) = fn::layer_norm_step{}.normalised(xi[j], mean, rstd) * gain[j] + bias[j];
  }
};

template <class S>
struct layer_norm_row_backward {
  matrix_view<S> dx;
  S beta;
  matrix_view<const S> dy, x, moments;
  const S* gain;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S mean = moments(i, 0), rstd = moments(i, 1);
    S part_g = 0, part_gx = 0;
    for (index_t j = team.first(); j < x.cols; j += team.step()) {
      const S g = dy(i, j) * gain[j];
      part_g += g;
      part_gx += g * fn::layer_norm_step{}.normalised(x(i, j), mean, rstd);
    }
    const S mean_g = team.sum(part_g) / S(x.cols), mean_gx = team.sum(part_gx) / S(x.cols);
    for (index_t j = team.first(); j < x.cols; j += team.step()) {
      const S xhat = fn::layer_norm_step{}.normalised(x(i, j), mean, rstd);
      put(dx(i, j), beta, fn::layer_norm_step{}.slope(xhat, rstd, dy(i, j) * gain[j], mean_g, mean_gx));
    }
  }
};

/// Column sums of dy xhat and of dy over a piece of the rows.
template <class S>
struct layer_norm_parameters_piece {
  matrix_view<const S> dy, x, moments;
  S *gain_partial, *bias_partial;  ///< pieces x cols
  index_t piece;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, x.cols);
    const index_t begin = at.row * piece, end = begin + piece < x.rows ? begin + piece : x.rows;
    S gain_sum = 0, bias_sum = 0;
    for (index_t i = begin; i < end; ++i) {
      gain_sum += dy(i, at.col) * fn::layer_norm_step{}.normalised(x(i, at.col), moments(i, 0), moments(i, 1));
      bias_sum += dy(i, at.col);
    }
    gain_partial[n] = gain_sum;
    bias_partial[n] = bias_sum;
  }
};

template <class S>
struct layer_norm_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y = (x - mean) rstd * gain + bias for each row; keeps [mean, rstd] in `moments` (rows x 2).
  static void layer_norm(out y, out moments, in x, in gain, in bias, S epsilon) {
    for_each_row(x.rows, x.cols, layer_norm_row<S>{y, moments, x, gain.data, bias.data, epsilon});
  }

  /// With g = dy * gain and xhat the normalised row:
  ///     dx = rstd (g - mean(g) - xhat mean(g xhat)) + beta dx,   dgain += sum dy xhat,   dbias += sum dy.
  static void layer_norm_backward(out dx, S beta, out dgain, out dbias, in dy, in x, in moments, in gain) {
    for_each_row(x.rows, x.cols, layer_norm_row_backward<S>{dx, beta, dy, x, moments, gain.data});
    constexpr index_t piece = 64;
    const index_t pieces = std::max<index_t>((x.rows + piece - 1) / piece, 1), size = pieces * x.cols;
    const scratch<S> partial(2 * size);
    for_each_index(size, layer_norm_parameters_piece<S>{dy, x, moments, partial, partial + size, piece});
    for_each_index(x.cols, add_pieces<S>{dgain.data, S(1), S(1), partial, pieces, x.cols});
    for_each_index(x.cols, add_pieces<S>{dbias.data, S(1), S(1), partial + size, pieces, x.cols});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
