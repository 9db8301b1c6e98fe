#include "gmoe/moe/layer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gmoe/model/cards.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// A mistake: logits for one expert too few.
struct narrow_router : linear_router {
  template <class B>
  struct layer : linear_router::layer<B> {
    layer(const builder<B>& make, const sizes& s, const layer_shape& l)
        : linear_router::layer<B>(make, s, layer_shape{l.block, l.moe_layer, l.moe_layers, l.experts - 1}) {}
  };
};

template <class B>
struct recorder : observer<B> {
  std::string seen;
  void see(std::string_view what, index_t block, const matrix<B>& value) override {
    seen += std::string(what) + " of block " + std::to_string(block) + ": " + std::to_string(value.rows()) + " x " +
            std::to_string(value.cols()) + "; ";
  }
};

/// A layer of `Card` by itself: block 3 of a model whose experts lie second in the bank.
template <class Card, class B>
struct alone {
  using router = typename Card::router;
  sizes s;
  expert_bank<B> bank;
  typename router::template layer<B> routing_layer;
  router_shared_t<router, B> shared{};
  router_state_t<router, B> state{};
  moe_layer<Card, B> layer;
  routing<B> r;

  explicit alone(const sizes& its)
      : s(its),
        bank(builder<B>(1).scope("experts"), s.d_model, std::vector<index_t>(6, s.d_ff), 0.5),
        routing_layer(builder<B>(1).scope("router"), s, shape()),
        layer(builder<B>(1), s, shape(), {3, 4, 5}) {}
  static layer_shape shape() { return {3, 1, 2, 3}; }
  auto run(const context<B>& ctx, const table& x) {
    return layer(ctx, s, variable<B>(put<B>(x)), bank, routing_layer, shared, state, r);
  }
};

sizes three_experts() {
  sizes s;
  s.d_model = 4;
  s.d_ff = 5;
  s.experts = 3;
  s.initializer_range = 0.5;
  return s;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/layer: every intermediate value, by hand", B, GMOE_TEST_BACKENDS) {
  alone<with<smoe_card, local_expert>, B> one(three_experts());
  recorder<B> observer;
  context<B> ctx;
  ctx.block = 3;
  ctx.observer = &observer;
  const table x = random_table(6, 4, 2, -2, 2);
  const auto y = one.run(ctx, x);
  const routing<B>& r = one.r;
  CHECK(r.block == 3);
  CHECK(r.experts == 3);
  const table z = product_transposed(x, get(one.routing_layer.gate.value())), p = softmax(z);
  CHECK(difference(get(r.logits.value()), z) < 1e-5);
  CHECK(difference(get(r.scores.value()), p) < 1e-5);
  const auto chosen = r.chosen.to_host();
  CHECK(chosen == r.kept.to_host());
  table w(6, 2);
  std::vector<std::vector<id_type>> in_bank;
  for (index_t t = 0; t < 6; ++t) {
    const id_type a = chosen[static_cast<std::size_t>(2 * t)], b = chosen[static_cast<std::size_t>(2 * t + 1)];
    const id_type left_out = 3 - a - b;
    CHECK(p(t, a) >= p(t, b));
    CHECK(p(t, b) >= p(t, left_out));
    w(t, 0) = p(t, a) / (p(t, a) + p(t, b));
    w(t, 1) = p(t, b) / (p(t, a) + p(t, b));
    in_bank.push_back({static_cast<id_type>(a + 3), static_cast<id_type>(b + 3)});
  }
  CHECK(difference(get(r.weights.value()), w) < 1e-5);
  const auto relu = [](double a) { return std::max(a, 0.0); };
  CHECK(difference(get(y.routed.value()), experts(x, in_bank, w, {0, 5, 10, 15, 20, 25, 30},
                                                  get(one.bank.w_in().value()), get(one.bank.w_out().value()), relu)) <
        1e-5);
  auto& local = one.layer.always().expert.bank();
  CHECK(difference(get(y.always.value()), experts(x, std::vector<std::vector<id_type>>(6, {0}), table{}, {0, 5},
                                                  get(local.w_in().value()), get(local.w_out().value()), relu)) < 1e-5);
  CHECK(observer.seen == "routed_out of block 3: 6 x 4; always_out of block 3: 6 x 4; moe_out of block 3: 6 x 4; ");
}

TEST_CASE_TEMPLATE("moe/layer: pairs lie by expert, in token order", B, GMOE_TEST_BACKENDS) {
  sizes s = three_experts();
  s.capacity_factor = 0.5;  // room for floor(0.5 * ceil(7 / 3)) = 1
  alone<switch_card, B> one(s);
  one.run(training_context<B>(), random_table(7, 4, 2, -2, 2));
  const auto chosen = one.r.chosen.to_host(), kept = one.r.kept.to_host(), offsets = one.r.pairs.offsets.to_host();
  auto order = one.r.pairs.order.to_host();
  std::vector<id_type> expected, ends{0};
  for (id_type e = 0; e < 3; ++e) {
    for (id_type t = 0; t < 7; ++t)
      if (chosen[static_cast<std::size_t>(t)] == e) {
        expected.push_back(t);  // the first one; the others are dropped
        break;
      }
    ends.push_back(static_cast<id_type>(expected.size()));
  }
  CHECK(offsets == ends);
  order.resize(expected.size());
  CHECK(order == expected);
  for (std::size_t t = 0; t < 7; ++t)
    CHECK((kept[t] != no_choice) ==
          (std::find(expected.begin(), expected.end(), static_cast<id_type>(t)) != expected.end()));
}

TEST_CASE_TEMPLATE("moe/layer: nothing is observed where nothing is computed", B, GMOE_TEST_BACKENDS) {
  sizes s = three_experts();
  s.shared_experts = 0;
  alone<with<smoe_card, shared_experts>, B> one(s);
  recorder<B> observer;
  context<B> ctx;
  ctx.observer = &observer;
  CHECK(!one.run(ctx, random_table(6, 4, 2)).always);
  CHECK(observer.seen == "routed_out of block 0: 6 x 4; moe_out of block 0: 6 x 4; ");
}

TEST_CASE_TEMPLATE("moe/layer: a router that returns another shape", B, GMOE_TEST_BACKENDS) {
  alone<with<smoe_card, narrow_router>, B> one(three_experts());
  CHECK(refusal([&] { one.run(context<B>{}, random_table(6, 4, 2)); }) ==
        "the router returned logits of shape 6 x 2, expected 6 x 3");
}
