#include "gmoe/moe/capacity/prefix_quota.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/capacity/prefix_quota: a share of the tokens so far, sequence by sequence", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l;
  l.experts = 2;
  l.positions = 4;
  policy_alone<B, prefix_quota> quota({.share = 0.5}, {l});
  routing<B> r = routing_of<B>(table(8, 2, 0.5), {0, 0, 1, 0, 1, 0, 0, 0});
  context<B> ctx;
  ctx.batch = 2;
  ctx.sequence = 4;
  // 1 of the first token, 1 of two, 2 of three, 2 of four.
  const std::vector<id_type> expected{0, no_choice, 1, no_choice, 1, 0, 0, no_choice};
  CHECK(quota.ask(hooks::keep{}, ctx, r).to_host() == expected);

  // The second sequence in pieces.
  policy_alone<B, prefix_quota> going_on({.share = 0.5}, {l});
  ctx.batch = 1;
  std::vector<id_type> kept;
  for (const auto& piece : {std::vector<id_type>{1}, {0, 0}, {0}}) {
    ctx.sequence = std::ssize(piece);
    routing<B> some = routing_of<B>(table(ctx.sequence, 2, 0.5), piece);
    for (const id_type e : going_on.ask(hooks::keep{}, ctx, some).to_host()) kept.push_back(e);
  }
  CHECK(kept == std::vector<id_type>(expected.begin() + 4, expected.end()));
}

TEST_CASE_TEMPLATE("moe/capacity/prefix_quota: a share of 1 keeps all, and long texts are counted right", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l;
  l.experts = 2;
  l.positions = 1000;
  policy_alone<B, prefix_quota> all({.share = 1}, {l}), third({.share = 1.0 / 3}, {l});
  context<B> ctx;
  ctx.sequence = 1000;
  std::vector<id_type> asked;
  for (int i = 0; i < 1000; ++i) asked.push_back(i % 3 == 0 ? 0 : 1);
  const routing<B> r = routing_of<B>(table(1000, 2, 0.5), asked);
  CHECK(all.ask(hooks::keep{}, ctx, r).to_host() == asked);
  const std::vector<id_type> kept = third.ask(hooks::keep{}, ctx, r).to_host();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    CAPTURE(i);
    // 0 is asked by ceil((i + 1) / 3) tokens, which is its quota; 1 has had its share after the second token.
    CHECK(kept[i] == (i % 3 == 0 || i == 1 ? asked[i] : no_choice));
  }
}
