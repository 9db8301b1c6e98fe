// A mixture without a language model: no tokens, no attention, one's own data, loss and loop.
#include <doctest/doctest.h>

#include <cmath>
#include "backends.hpp"
#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/moe/stack.hpp"
#include "gmoe/nn/linear.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/train/adamw.hpp"

using namespace gmoe;

TEST_CASE_TEMPLATE("breadth/regression: a mixture learns a function by mean squared error", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const index_t rows = 64, d = 6;
  const builder<B> make(1);
  auto enter = nn::linear<B>::make(make.scope("enter"), 2, d, 0.5),
       leave = nn::linear<B>::make(make.scope("leave"), d, 1, 0.5);
  moe_stack<gmoe_card, B> moe{{.d_model = d, .layers = 2, .d_ff = 8, .experts = 3, .initializer_range = 0.3}};
  kept_list<B> all = moe.kept();
  walk(enter, all);
  walk(leave, all);

  std::vector<double> in, out;  // y = |a - b|
  const random_stream random(3);
  for (index_t i = 0; i < rows; ++i) {
    for (std::uint64_t j = 0; j < 2; ++j) in.push_back(random.normal(2 * static_cast<std::uint64_t>(i) + j));
    out.push_back(std::abs(in[in.size() - 2] - in.back()));
  }
  const auto input = matrix<B>::from_host(in, rows, 2), target = matrix<B>::from_host(out, rows, 1);
  const auto loss = [&](tape<B>* t) {
    const context<B> ctx{.tape = t, .training = true};
    auto pass = moe.begin(ctx);
    variable<B> x = enter(ctx, ctx.constant(input));
    for (index_t l = 0; l < moe.layers(); ++l) x = add(x, moe(pass, l, x));
    return add(mean_squared_error(leave(ctx, x), ctx.constant(target)), pass.loss());
  };

  adamw<B> optimizer(all.parameters);
  tape<B> t;
  const double before = loss(nullptr).value().item();
  for (int step = 0; step < 150; ++step) {
    t.backward(loss(&t));
    optimizer.step(0.02);
  }
  CHECK(loss(nullptr).value().item() < 0.2 * before);
}

TEST_CASE_TEMPLATE("breadth/regression: gradients of a mixture alone", B, GMOE_TEST_DOUBLE_BACKENDS) {
  moe_stack<smoe_card, B> moe{{.d_model = 4, .layers = 2, .d_ff = 5, .experts = 3, .initializer_range = 0.7}};
  const auto x = matrix<B>::from_host(std::vector<double>{1, -1, 2, .5, .3, 1, -2, 1, .1, .2, 1, -1}, 3, 4);
  const auto report = check_gradients<B>(moe.parameters(), [&](tape<B>* t) {
    auto pass = moe.begin({.tape = t, .training = true});
    const variable<B> y = moe(pass, 1, moe(pass, 0, variable<B>(x)));
    return add(sum(square(y)), pass.loss());
  });
  CHECK(report.worst < 1e-6);
}
