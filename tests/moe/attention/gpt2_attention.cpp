#include "gmoe/moe/attention/gpt2_attention.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/attention/gpt2_attention: the module, by the sizes of the model", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l;
  l.d_model = 6;
  l.heads = 2;
  l.layers = 3;
  policy_alone<B, gpt2_attention> attention({}, {l});
  CHECK(attention.parameters() ==
        "own.0.c_attn.weight 6x18, own.0.c_attn.bias 1x18, own.0.c_proj.weight 6x6, own.0.c_proj.bias 1x6, ");
  const auto module = nn::causal_attention<B>::make(builder<B>(1).scope("own", 0), l);
  CHECK(attention.mine().layer.attention.heads == 2);
  context<B> ctx;
  ctx.batch = 2;
  ctx.sequence = 4;
  const variable<B> x(put<B>(random_table(8, 6, 1)));
  CHECK(get(attention.ask(hooks::apply{}, ctx, x).value()).values == get(module(ctx, x).value()).values);

  // In training it drops out, in every block differently.
  l.dropout = 0.5;
  policy_alone<B, gpt2_attention> dropping({}, {l});
  context<B> training = training_context<B>(3);
  training.sequence = 8;
  const table first = get(dropping.ask(hooks::apply{}, training, x).value());
  CHECK(get(dropping.ask(hooks::apply{}, training, x).value()).values == first.values);
  dropping.shapes[0].block = 1;
  CHECK(get(dropping.ask(hooks::apply{}, training, x).value()).values != first.values);
}
