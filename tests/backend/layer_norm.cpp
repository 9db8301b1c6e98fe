#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

constexpr double epsilon = 1e-5;

template <class B>
constexpr double normalised_tolerance = 4 * tolerance<B>;  // x - mean cancels digits

}  // namespace

TEST_CASE_TEMPLATE("backend/layer_norm: mean 0, deviation 1, then gain and bias", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 2, 7, 8, 13, 16, 33, 128})
      for (index_t rows : {index_t{1}, index_t{5}, many_rows(12000 / cols)}) {
        CAPTURE(rows);
        CAPTURE(cols);
        const table x = random_table(rows, cols, 1, -1, 3), gain = random_table(1, cols, 2, 0.5, 1.5),
                    bias = random_table(1, cols, 3);
        const framed<B> fx(x);
        framed<B> y(table(rows, cols, not_a_number));
        matrix<B> moments(rows, 2);
        const matrix<B> mg = put<B>(gain), mb = put<B>(bias);
        B::layer_norm(y.view(), moments.view(), fx.in(), mg.view(), mb.view(),
                      static_cast<typename B::scalar>(epsilon));
        REQUIRE(difference(y.inner(), layer_norm(x, gain, bias, epsilon)) < normalised_tolerance<B>);
        REQUIRE(y.border_untouched());
      }
  });
}

TEST_CASE_TEMPLATE("backend/layer_norm: a constant row becomes the bias", B, GMOE_TEST_BACKENDS) {
  const table bias = random_table(1, 11, 3);
  matrix<B> y(2, 11), moments(2, 2);
  B::layer_norm(y.view(), moments.view(), put<B>(table(2, 11, 0)).view(), put<B>(table(1, 11, 5)).view(),
                put<B>(bias).view(), static_cast<typename B::scalar>(epsilon));
  for (index_t j = 0; j < 11; ++j) CHECK(get(y)(1, j) == bias(0, j));
  CHECK(get(moments)(0, 0) == 0);
  CHECK(get(moments)(0, 1) == doctest::Approx(1 / std::sqrt(epsilon)));
}

TEST_CASE_TEMPLATE("backend/layer_norm: gradients of input, gain and bias", B, GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  with_threads<B>([] {
    const index_t shapes[][2] = {{1, 1}, {3, 2}, {6, 13}, {5, 16}, {400, 33}};
    for (const auto& s : shapes)
      for (double beta : {0.0, 1.0}) {
        const index_t rows = s[0], cols = s[1];
        CAPTURE(rows);
        CAPTURE(cols);
        const table x = random_table(rows, cols, 1, -1, 2), gain = random_table(1, cols, 2, 0.5, 1.5),
                    bias(1, cols, 0.0), dy = random_table(rows, cols, 4);
        const table before = random_table(rows, cols, 5), gain_before = random_table(1, cols, 6),
                    bias_before = random_table(1, cols, 7);
        const table xhat = layer_norm(x, table(1, cols, 1), bias, epsilon);
        table dx(rows, cols), dgain = gain_before, dbias = bias_before;
        for (index_t i = 0; i < rows; ++i) {
          double mean = 0, square = 0, mean_g = 0, mean_gx = 0;
          const double n = static_cast<double>(cols);
          for (index_t j = 0; j < cols; ++j) mean += x(i, j) / n;
          for (index_t j = 0; j < cols; ++j) square += (x(i, j) - mean) * (x(i, j) - mean) / n;
          for (index_t j = 0; j < cols; ++j) {
            const double g = dy(i, j) * gain(0, j);
            mean_g += g / n;
            mean_gx += g * xhat(i, j) / n;
            dgain(0, j) += dy(i, j) * xhat(i, j);
            dbias(0, j) += dy(i, j);
          }
          for (index_t j = 0; j < cols; ++j)
            dx(i, j) = (dy(i, j) * gain(0, j) - mean_g - xhat(i, j) * mean_gx) / std::sqrt(square + epsilon) +
                       (beta == 0 ? 0 : before(i, j));
        }

        const framed<B> fx(x), fdy(dy);
        const matrix<B> mg = put<B>(gain), mb = put<B>(bias);
        matrix<B> y(rows, cols), moments(rows, 2);
        B::layer_norm(y.view(), moments.view(), fx.in(), mg.view(), mb.view(), static_cast<scalar>(epsilon));
        framed<B> to(beta == 0 ? table(rows, cols, not_a_number) : before);
        matrix<B> to_gain = put<B>(gain_before), to_bias = put<B>(bias_before);
        B::layer_norm_backward(to.view(), static_cast<scalar>(beta), to_gain.view(), to_bias.view(), fdy.in(), fx.in(),
                               std::as_const(moments).view(), mg.view());
        // A row of two has slopes of the size of 1 / |x_1 - x_2|.
        const double allowed = (cols <= 2 ? 100 : 1) * normalised_tolerance<B>;
        CHECK(difference(to.inner(), dx) < allowed);
        CHECK(to.border_untouched());
        CHECK(difference(get(to_gain), dgain) < allowed);
        CHECK(difference(get(to_bias), dbias) < allowed);
      }
  });
}
