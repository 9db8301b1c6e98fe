#include "gmoe/nn/gru_cell.hpp"

#include <doctest/doctest.h>

#include "nn/modules.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("nn/gru_cell: shapes, names and initial values", B, GMOE_TEST_MODULE_BACKENDS) {
  auto cell = nn::gru_cell<B>::make(builder<B>(1).scope("gru"), 5, 8);
  CHECK(names_of<B>(cell) == std::vector<std::string>{"gru.weight_ih", "gru.weight_hh", "gru.bias_ih", "gru.bias_hh"});
  CHECK(cell.w_ih.rows() == 24);
  CHECK(cell.w_ih.cols() == 5);
  const double bound = std::sqrt(6.0 / (24 + 5));
  for (double v : get(cell.w_ih.value()).values) CHECK(std::abs(v) <= bound * (1 + 1e-6));
  const table w = get(cell.w_hh.value());
  table identity(8, 8);
  for (index_t j = 0; j < 8; ++j) identity(j, j) = 1;
  CHECK(difference(product(transposed(w), w), identity) < tolerance<B>);
  CHECK(get(cell.b_ih.value()).values == std::vector<double>(24, 0.0));
  CHECK(get(cell.b_hh.value()).values == std::vector<double>(24, 0.0));
}

TEST_CASE_TEMPLATE("nn/gru_cell: two steps by hand, and the gradients through both", B, GMOE_TEST_DOUBLE_BACKENDS) {
  auto cell = nn::gru_cell<B>::make(builder<B>(1), 3, 2);
  scramble<B>(cell);
  const table x = random_table(4, 3, 1), w_ih = get(cell.w_ih.value()), w_hh = get(cell.w_hh.value()),
              b_ih = get(cell.b_ih.value()), b_hh = get(cell.b_hh.value());
  table h(4, 2);
  for (int step = 0; step < 2; ++step) {
    const table a = product_transposed(x, w_ih), g = product_transposed(h, w_hh);
    for (index_t t = 0; t < 4; ++t)
      for (index_t j = 0; j < 2; ++j) {
        const double r = sigmoid(a(t, j) + b_ih(0, j) + g(t, j) + b_hh(0, j));
        const double u = sigmoid(a(t, 2 + j) + b_ih(0, 2 + j) + g(t, 2 + j) + b_hh(0, 2 + j));
        const double n = std::tanh(a(t, 4 + j) + b_ih(0, 4 + j) + r * (g(t, 4 + j) + b_hh(0, 4 + j)));
        h(t, j) = (1 - u) * n + u * h(t, j);
      }
  }
  const auto run = [&](const context<B>& ctx, const variable<B>& v) { return cell(ctx, v, cell(ctx, v, {})); };
  CHECK(difference(get(run({}, variable<B>(put<B>(x))).value()), h) < 1e-13);
  check_module_gradients<B>(cell, x, run);
}
