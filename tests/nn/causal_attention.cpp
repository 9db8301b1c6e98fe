#include "gmoe/nn/causal_attention.hpp"

#include <doctest/doctest.h>

#include "nn/modules.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

sizes small() {
  sizes s;
  s.d_model = 6;
  s.heads = 2;
  s.layers = 3;
  s.positions = 8;
  return s;
}

table affine(const table& x, const table& w, const table& b) {
  table y = product(x, w);
  for (index_t i = 0; i < y.rows; ++i)
    for (index_t j = 0; j < y.cols; ++j) y(i, j) += b(0, j);
  return y;
}

template <class B>
table reference(nn::causal_attention<B>& a, const table& x, const attention_shape& s) {
  const table qkv = affine(x, get(a.c_attn.weight.value()), get(a.c_attn.bias.value()));
  return affine(attention(qkv, s), get(a.c_proj.weight.value()), get(a.c_proj.bias.value()));
}

}  // namespace

TEST_CASE_TEMPLATE("nn/causal_attention: projection, attention, projection", B, GMOE_TEST_DOUBLE_BACKENDS) {
  auto module = nn::causal_attention<B>::make(builder<B>(1).scope("attn"), small());
  CHECK(names_of<B>(module) ==
        std::vector<std::string>{"attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias"});
  scramble<B>(module);
  const table x = random_table(8, 6, 1);
  const auto run = [&](context<B> ctx, const variable<B>& v) {
    ctx.batch = 2;
    ctx.sequence = 4;
    return module(ctx, v);
  };
  CHECK(difference(get(run({}, variable<B>(put<B>(x))).value()), reference(module, x, {2, 4, 2, 0})) < 1e-13);
  check_module_gradients<B>(module, x, run);
}

TEST_CASE_TEMPLATE("nn/causal_attention: the output projection starts smaller by sqrt(2 L)", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  sizes s = small();
  s.d_model = 100;
  s.initializer_range = 0.05;
  const auto module = nn::causal_attention<B>::make(builder<B>(1), s);
  const auto deviation = [](const parameter<B>& p) {
    double square = 0;
    for (double v : get(p.value()).values) square += v * v;
    return std::sqrt(square / static_cast<double>(p.size()));
  };
  CHECK(deviation(module.c_attn.weight) == doctest::Approx(0.05).epsilon(0.03));
  CHECK(deviation(module.c_proj.weight) == doctest::Approx(0.05 / std::sqrt(6.0)).epsilon(0.03));
}

TEST_CASE_TEMPLATE("nn/causal_attention: dropout in training only", B, GMOE_TEST_DOUBLE_BACKENDS) {
  sizes s = small();
  s.dropout = 0.5;
  auto module = nn::causal_attention<B>::make(builder<B>(1), s);
  scramble<B>(module);
  const variable<B> x(put<B>(random_table(4, 6, 1)));
  context<B> ctx;
  ctx.sequence = 4;
  const table evaluated = get(module(ctx, x).value());
  CHECK(difference(evaluated, reference(module, random_table(4, 6, 1), {1, 4, 2, 0})) < 1e-13);
  ctx.training = true;
  const table trained = get(module(ctx, x).value());
  CHECK(difference(trained, evaluated) > 0.1);
  CHECK(get(module(ctx, x).value()).values == trained.values);
  ctx.random = random_stream(9);
  CHECK(get(module(ctx, x).value()).values != trained.values);
  ctx.random = random_stream();
  ctx.block = 1;  // every block draws its own
  CHECK(get(module(ctx, x).value()).values != trained.values);
}

TEST_CASE_TEMPLATE("nn/causal_attention: with a cache, token by token", B, GMOE_TEST_DOUBLE_BACKENDS) {
  auto module = nn::causal_attention<B>::make(builder<B>(1), small());
  scramble<B>(module);
  const table x = random_table(7, 6, 1), expected = reference(module, x, {1, 7, 2, 0});
  kv_cache<B> cache;
  for (int block = 0; block < 2; ++block) {
    cache.keys.emplace_back(8, 6);
    cache.values.emplace_back(8, 6);
  }
  context<B> ctx;
  ctx.block = 1;
  ctx.cache = &cache;
  for (index_t t = 0; t < 7;) {
    const index_t count = t == 0 ? 3 : 1;
    table rows(count, 6), part(count, 6);
    for (index_t i = 0; i < count; ++i)
      for (index_t j = 0; j < 6; ++j) {
        rows(i, j) = x(t + i, j);
        part(i, j) = expected(t + i, j);
      }
    ctx.sequence = count;
    CHECK(difference(get(module(ctx, variable<B>(put<B>(rows))).value()), part) < 1e-12);
    cache.length = t += count;
  }
}
