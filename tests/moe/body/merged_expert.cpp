#include "gmoe/moe/body/merged_expert.hpp"

#include <doctest/doctest.h>

#include "gmoe/model/cards.hpp"
#include "gmoe/moe/stack.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

using merging_backend = cpu<double>;

/// One pool for all layers, of which every second one sees the experts in another order.
struct turned_pool {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) const { return s.experts; }
  std::vector<id_type> visible(const sizes& s, index_t layer) const {
    std::vector<id_type> ids;
    for (index_t e = 0; e < s.experts; ++e) ids.push_back(static_cast<id_type>(layer % 2 == 0 ? e : s.experts - 1 - e));
    return ids;
  }
};

sizes three_experts() {
  sizes s;
  s.vocab = 9;
  s.d_model = 4;
  s.d_ff = 6;
  s.experts = 3;
  s.layers = 2;
  return s;
}

/// What the two layers give, one after the other, and the gradient of the input, where all experts have the same W1:
/// then sum_i w_i W2_i act(W1 x) is (sum_i w_i W2_i) act(W1 x).
template <class Card, class B>
std::pair<table, table> through(const Card& card) {
  moe_stack<Card, B> moe(three_experts(), card, 3);
  for (parameter<B>* p : moe.parameters()) B::fill_uniform(p->value().view(), -1, 1, random_stream(4).fork(p->name()));
  parameter<B>& w_in = moe.bank().w_in();
  const table first = random_table(6, 4, 2);
  table all(18, 4);
  for (index_t i = 0; i < 18; ++i)
    for (index_t c = 0; c < 4; ++c) all(i, c) = first(i % 6, c);
  w_in.value() = put<B>(all);
  tape<B> t;
  context<B> ctx;
  ctx.tape = &t;
  parameter<B> x("x", put<B>(random_table(5, 4, 1)));
  auto pass = moe.begin(ctx);
  const variable<B> y = moe(pass, 1, moe(pass, 0, variable<B>(x, &t)));
  t.backward(sum(y));
  return {get(y.value()), get(x.gradient())};
}

}  // namespace

TEST_CASE("moe/merged_expert: experts with one first matrix mix as they merge") {
  using B = merging_backend;
  using mixing = with<smoe_card, turned_pool, gelu_expert, no_balance>;
  using merging = with<smoe_card, turned_pool, merged_expert<fn::gelu>, no_balance>;
  const auto mixed = through<mixing, B>({}), merged = through<merging, B>({});
  // The gate's weights sum to 1 but for the 1e-9 in its divisor.
  CHECK(difference(mixed.first, merged.first) < 1e-8);
  CHECK(difference(mixed.second, merged.second) < 1e-8);
}

TEST_CASE("moe/merged_expert: experts of different widths are refused") {
  using B = merging_backend;
  using card = with<smoe_card, heterogeneous<layer_pool>, merged_expert<fn::relu>, no_balance>;
  const moe_stack<card, B> moe(three_experts());
  auto pass = moe.begin({});
  CHECK(refusal([&] { moe(pass, 0, variable<B>(put<B>(random_table(3, 4, 1)))); }).find("cannot be merged") !=
        std::string::npos);
}
