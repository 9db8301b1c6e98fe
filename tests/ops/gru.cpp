#include "gmoe/ops/gru.hpp"

#include <doctest/doctest.h>

#include "gmoe/ops/matmul.hpp"
#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

table reference(const table& x, const table* h, const table& w_ih, const table& w_hh, const table& b_ih,
                const table& b_hh) {
  const index_t d = w_hh.cols;
  const table a = product_transposed(x, w_ih);
  const table g = h ? product_transposed(*h, w_hh) : table(x.rows, 3 * d);
  table y(x.rows, d);
  for (index_t t = 0; t < x.rows; ++t)
    for (index_t j = 0; j < d; ++j) {
      const auto in = [&](index_t gate) { return a(t, gate * d + j) + b_ih(0, gate * d + j); };
      const auto hidden = [&](index_t gate) { return g(t, gate * d + j) + b_hh(0, gate * d + j); };
      const double r = gmoe_test::sigmoid(in(0) + hidden(0)), u = gmoe_test::sigmoid(in(1) + hidden(1));
      const double n = std::tanh(in(2) + r * hidden(2));
      y(t, j) = (1 - u) * n + u * (h ? (*h)(t, j) : 0.0);
    }
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("ops/gru: one step with a state, and all six gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return gru(in[0], in[1], in[2], in[3], in[4], in[5]); };
  for (index_t width : {2, 5}) {
    const table x = random_table(4, width, 1), h = random_table(4, 3, 2), w_ih = random_table(9, width, 3),
                w_hh = random_table(9, 3, 4), b_ih = random_table(1, 9, 5), b_hh = random_table(1, 9, 6);
    CHECK(difference(evaluate<B>(f, {x, h, w_ih, w_hh, b_ih, b_hh}), reference(x, &h, w_ih, w_hh, b_ih, b_hh)) < 1e-13);
    CHECK(gradient_error<B>(f, {x, h, w_ih, w_hh, b_ih, b_hh}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/gru: the first step has no state, which is a state of zeros", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return gru(in[0], variable<B>(), in[1], in[2], in[3], in[4]); };
  const table x = random_table(4, 2, 1), w_ih = random_table(9, 2, 3), w_hh = random_table(9, 3, 4),
              b_ih = random_table(1, 9, 5), b_hh = random_table(1, 9, 6), zero(4, 3);
  CHECK(difference(evaluate<B>(f, {x, w_ih, w_hh, b_ih, b_hh}), reference(x, &zero, w_ih, w_hh, b_ih, b_hh)) < 1e-13);
  CHECK(gradient_error<B>(f, {x, w_ih, w_hh, b_ih, b_hh}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/gru: several steps in depth, the same weights", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) {
    variable<B> h;
    for (int layer = 0; layer < 3; ++layer) h = gru(in[0], h, in[1], in[2], in[3], in[4]);
    return h;
  };
  CHECK(gradient_error<B>(f, {random_table(3, 2, 1), random_table(9, 2, 3), random_table(9, 3, 4),
                              random_table(1, 9, 5), random_table(1, 9, 6)}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/gru: input and state may be the same matrix", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> f = [](const inputs<B>& in) { return gru(in[0], in[0], in[1], in[1], in[2], in[2]); };
  CHECK(gradient_error<B>(f, {random_table(4, 3, 1), random_table(9, 3, 3), random_table(1, 9, 5)}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/gru: sizes must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto c = [](index_t rows, index_t cols) { return constant<B>(table(rows, cols)); };
  CHECK_THROWS_AS(gru(c(4, 2), c(4, 3), c(9, 5), c(9, 3), c(1, 9), c(1, 9)), config_error);
  CHECK_THROWS_WITH_AS(gru(c(4, 2), c(4, 2), c(9, 2), c(9, 3), c(1, 9), c(1, 9)), "gru: the state must be 4 x 3",
                       config_error);
  CHECK_THROWS_WITH_AS(gru(c(4, 2), c(4, 3), c(9, 2), c(9, 3), c(1, 9), c(1, 3)),
                       "gru: biases of 9 and 3 numbers, expected 9", config_error);
}

TEST_CASE_TEMPLATE("ops/gru: gates whose rows the backend sets apart", B, GMOE_TEST_DOUBLE_BACKENDS) {
  // The state's weights as a product u v, so that there are few numbers to vary.
  const operation<B> f = [](const inputs<B>& in) {
    return gru(in[0], in[1], in[2], matmul(in[3], in[4]), in[5], in[6]);
  };
  const index_t d = 64;
  const table x = random_table(2, 1, 1), h = random_table(2, d, 2), w_ih = random_table(3 * d, 1, 3),
              u = random_table(3 * d, 1, 4, -0.4, 0.4), v = random_table(1, d, 7, -0.4, 0.4),
              b_ih = random_table(1, 3 * d, 5), b_hh = random_table(1, 3 * d, 6);
  const table w_hh = product(op::none, op::none, 1, u, v, 0, table(3 * d, d));
  CHECK(difference(evaluate<B>(f, {x, h, w_ih, u, v, b_ih, b_hh}), reference(x, &h, w_ih, w_hh, b_ih, b_hh)) < 1e-13);
  CHECK(gradient_error<B>(f, {x, h, w_ih, u, v, b_ih, b_hh}) < 1e-8);
}
