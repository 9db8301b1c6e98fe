#pragma once
/// Layer normalisation of each row, biased variance (Ba et al. 2016).

#include <cmath>

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/reduce.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct layer_norm_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y = (x - mean) rstd * gain + bias for each row; keeps [mean, rstd] in `moments` (rows x 2).
  static void layer_norm(out y, out moments, in x, in gain, in bias, S epsilon) {
    const index_t d = x.cols;
    parallel_ranges(x.rows, row_grain(d), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S* xi = x.row(i);
        const S mean = sum_packs<S>(d, [&](index_t j, index_t part) { return load(xi + j, part); }) / S(d);
        // Deviations of the padding lanes of the last pack would count: sum them scalar by scalar.
        const pack<S> mu(mean);
        const index_t whole = d / pack<S>::width * pack<S>::width;
        S square = sum_packs<S>(whole, [&](index_t j, index_t part) {
          const pack<S> e = load(xi + j, part) - mu;
          return e * e;
        });
        for (index_t j = whole; j < d; ++j) square += (xi[j] - mean) * (xi[j] - mean);
        const S rstd = S(1) / std::sqrt(square / S(d) + epsilon);
        moments(i, 0) = mean;
        moments(i, 1) = rstd;
        const pack<S> r(rstd);
        for_packs<S>(d, [&](index_t j, index_t part) {
          const pack<S> xhat = fn::layer_norm_step{}.normalised(load(xi + j, part), mu, r);
          store(y.row(i) + j, xhat * load(gain.data + j, part) + load(bias.data + j, part), part);
        });
      }
    });
  }

  /// With g = dy * gain and xhat the normalised row:
  ///     dx = rstd (g - mean(g) - xhat mean(g xhat)) + beta dx,   dgain += sum dy xhat,   dbias += sum dy.
  static void layer_norm_backward(out dx, S beta, out dgain, out dbias, in dy, in x, in moments, in gain) {
    const index_t d = x.cols;
    const index_t pieces = std::clamp<index_t>(x.rows / row_grain(d), 1, threads());
    const auto partial = scratch<S>(pieces * 2 * d);  // per piece: [sum dy xhat, sum dy]
    std::fill_n(partial.data(), pieces * 2 * d, S(0));
    parallel_ranges(pieces, 1, [&](index_t first, index_t last) {
      for (index_t p = first; p < last; ++p) {
        S *gain_sum = partial + p * 2 * d, *bias_sum = gain_sum + d;
        for (index_t i = x.rows * p / pieces; i < x.rows * (p + 1) / pieces; ++i)
          backward_row(dx.row(i), beta, gain_sum, bias_sum, dy.row(i), x.row(i), moments(i, 0), moments(i, 1),
                       gain.data, d);
      }
    });
    for (index_t p = 0; p < pieces; ++p)
      for (index_t j = 0; j < d; ++j) {
        dgain(0, j) += partial[p * 2 * d + j];
        dbias(0, j) += partial[p * 2 * d + d + j];
      }
  }

 private:
  static void backward_row(S* dx, S beta, S* gain_sum, S* bias_sum, const S* dy, const S* x, S mean, S rstd,
                           const S* gain, index_t d) {
    const pack<S> mu(mean), r(rstd);
    pack<S> sum_g(S(0)), sum_gx(S(0));
    for_packs<S>(d, [&](index_t j, index_t part) {  // padding lanes: dy and gain are zero there
      const pack<S> xhat = fn::layer_norm_step{}.normalised(load(x + j, part), mu, r);
      const pack<S> dyj = load(dy + j, part);
      const pack<S> g = dyj * load(gain + j, part);
      sum_g += g;
      sum_gx += g * xhat;
      store(gain_sum + j, load(gain_sum + j, part) + dyj * xhat, part);
      store(bias_sum + j, load(bias_sum + j, part) + dyj, part);
    });
    const pack<S> mean_g(sum_g.sum() / S(d)), mean_gx(sum_gx.sum() / S(d));
    for_packs<S>(d, [&](index_t j, index_t part) {
      const pack<S> xhat = fn::layer_norm_step{}.normalised(load(x + j, part), mu, r);
      const pack<S> g = load(dy + j, part) * load(gain + j, part);
      const pack<S> result = fn::layer_norm_step{}.slope(xhat, r, g, mean_g, mean_gx);
      store(dx + j, beta == S(0) ? result : load(dx + j, part) + result, part);
    });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
