#include "gmoe/moe/dense/feed_forward.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {
layer_shape small() {
  layer_shape l;
  l.d_model = 4;
  l.d_ff = 6;
  l.layers = 2;
  l.initializer_range = 0.5;
  return l;
}
}  // namespace

TEST_CASE_TEMPLATE("moe/dense/feed_forward: GPT-2's, with biases and dropout", B, GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, gpt2_feed_forward> dense({}, {small()});
  CHECK(dense.parameters() ==
        "own.0.c_fc.weight 4x6, own.0.c_fc.bias 1x6, own.0.c_proj.weight 6x4, own.0.c_proj.bias 1x4, ");
  for (parameter<B>* p : dense.all().parameters) p->value() = put<B>(random_table(p->rows(), p->cols(), 7)).clone();
  const table x = random_table(5, 4, 1);
  const auto affine = [](const table& rows, const nn::linear<B>& by) {
    table y = product(rows, get(by.weight.value()));
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) y(i, j) += get(by.bias.value())(0, j);
    return y;
  };
  table h = affine(x, dense.mine().layer.c_fc);
  for (double& a : h.values) a = gelu(a);
  const table expected = affine(h, dense.mine().layer.c_proj);
  const variable<B> rows(put<B>(x));
  CHECK(difference(get(dense.ask(hooks::apply{}, context<B>{}, rows).value()), expected) < 1e-5);

  dense.shapes[0].dropout = 0.5;
  CHECK(difference(get(dense.ask(hooks::apply{}, context<B>{}, rows).value()), expected) < 1e-5);
  const table dropped = get(dense.ask(hooks::apply{}, training_context<B>(1), rows).value());
  const auto zeros = std::count(dropped.values.begin(), dropped.values.end(), 0.0);
  CHECK(zeros > 2);
  CHECK(zeros < 18);
}

TEST_CASE_TEMPLATE("moe/dense/feed_forward: an expert without a router", B, GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, relu_feed_forward> dense({}, {small()});
  CHECK(dense.parameters() == "own.0.w_in 6x4, own.0.w_out 6x4, ");
  const table x = random_table(5, 4, 1);
  const auto& bank = dense.mine().layer.expert.weights;
  CHECK(difference(get(dense.ask(hooks::apply{}, context<B>{}, variable<B>(put<B>(x))).value()),
                   experts(x, std::vector<std::vector<id_type>>(5, {0}), table{}, {0, 6}, get(bank.w_in().value()),
                           get(bank.w_out().value()), [](double a) { return std::max(a, 0.0); })) < 1e-5);
}
