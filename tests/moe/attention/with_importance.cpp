#include "gmoe/moe/attention/with_importance.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/attention/gpt2_attention.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

static_assert(reach_of<attention_with_importance<attention_to_others>>(true) == reach::past);
static_assert(reach_of<attention_with_importance<attention_by_others>>(false) == reach::sequence);

namespace {

/// mean over heads of P_tu, for one sequence of rows of [Q | K | V].
table mean_probabilities(const table& qkv, index_t first, index_t length, index_t heads) {
  const index_t d = qkv.cols / 3, head = d / heads;
  table p(length, length);
  for (index_t h = 0; h < heads; ++h)
    for (index_t t = 0; t < length; ++t) {
      std::vector<double> e;
      double sum = 0;
      for (index_t u = 0; u <= t; ++u) {
        double dot = 0;
        for (index_t c = h * head; c < (h + 1) * head; ++c) dot += qkv(first + t, c) * qkv(first + u, d + c);
        e.push_back(std::exp(dot / std::sqrt(static_cast<double>(head))));
        sum += e.back();
      }
      for (index_t u = 0; u <= t; ++u) p(t, u) += e[static_cast<std::size_t>(u)] / sum / static_cast<double>(heads);
    }
  return p;
}

template <class B, class Importance>
policy_alone<B, attention_with_importance<Importance>> telling(double dropout = 0) {
  layer_shape l;
  l.d_model = 6;
  l.heads = 2;
  l.layers = 3;
  l.block = 1;
  l.initializer_range = 0.8;
  l.dropout = dropout;
  return policy_alone<B, attention_with_importance<Importance>>({}, {l});
}

}  // namespace

TEST_CASE_TEMPLATE("moe/attention/with_importance: GPT-2's attention; what a token looks for, what is looked for", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  auto out = telling<B, attention_to_others>();
  auto in = telling<B, attention_by_others>();
  policy_alone<B, gpt2_attention> plain({}, out.shapes);
  context<B> ctx;
  ctx.batch = 2;
  ctx.sequence = 4;
  const std::vector<index_t> lengths{4, 3};
  const variable<B> x(put<B>(random_table(8, 6, 1, -2, 2)));
  const table qkv = get(out.mine().layer.attention.c_attn(ctx, x).value());
  for (const bool padded : {false, true}) {
    if (padded) ctx.valid = valid_rows<B>::of_lengths(lengths, 4);
    CHECK(get(out.ask(hooks::apply{}, ctx, x).value()).values == get(plain.ask(hooks::apply{}, ctx, x).value()).values);
    in.ask(hooks::apply{}, ctx, x);
    CHECK(out.found.told.block == 1);
    const table to_others = get(out.found.told.of_rows), by_others = get(in.found.told.of_rows);
    REQUIRE(to_others.rows == 8);
    REQUIRE(by_others.rows == 8);
    for (index_t b = 0; b < 2; ++b) {
      const table p = mean_probabilities(qkv, 4 * b, 4, 2);
      std::vector<double> received(4);
      for (index_t t = 0; t < (padded ? lengths[static_cast<std::size_t>(b)] : 4); ++t)
        for (index_t u = 0; u <= t; ++u) received[static_cast<std::size_t>(u)] += p(t, u);
      const double most = *std::max_element(received.begin(), received.end());
      for (index_t t = 0; t < 4; ++t) {
        CHECK(to_others(4 * b + t, 0) == doctest::Approx(1 - p(t, t)).epsilon(1e-12));
        CHECK(by_others(4 * b + t, 0) == doctest::Approx(received[static_cast<std::size_t>(t)] / most).epsilon(1e-12));
      }
    }
  }
  const std::vector<index_t> none{4, 0};  // a sequence of padding
  ctx.valid = valid_rows<B>::of_lengths(none, 4);
  in.ask(hooks::apply{}, ctx, x);
  for (index_t t = 4; t < 8; ++t) CHECK(get(in.found.told.of_rows)(t, 0) == 0);
}

TEST_CASE_TEMPLATE("moe/attention/with_importance: importance is that before dropout, and none in a generation", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const variable<B> x(put<B>(random_table(4, 6, 2, -2, 2)));
  context<B> ctx;
  ctx.sequence = 4;
  context<B> training = training_context<B>(3);
  training.sequence = 4;
  const auto check = [&](auto whole, auto dropping) {
    whole.ask(hooks::apply{}, ctx, x);
    dropping.ask(hooks::apply{}, training, x);
    CHECK(difference(get(whole.found.told.of_rows), get(dropping.found.told.of_rows)) < 1e-14);
  };
  check(telling<B, attention_to_others>(), telling<B, attention_to_others>(0.5));
  check(telling<B, attention_by_others>(), telling<B, attention_by_others>(0.5));
  kv_cache<B> cache;
  cache.keys.assign(2, matrix<B>(4, 6));
  cache.values.assign(2, matrix<B>(4, 6));
  ctx.cache = &cache;
  auto in = telling<B, attention_by_others>();
  CHECK(refusal([&] { in.ask(hooks::apply{}, ctx, x); }) ==
        "block 1: attention_by_others looks at later tokens, which a generation has not");
}
