#include "gmoe/moe/stack.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <thread>

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/model/cards.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// A mistake: logits for one expert too few.
struct narrow_router {
  using slot = slots::router;
  linear_router of{};
  template <class B>
  linear_router::layer<B> make_layer(const builder<B>& make, layer_shape l) const {
    --l.columns;
    return of.make_layer(make, l);
  }
};

template <class B>
struct recorder : observer<B> {
  std::string seen;
  std::map<std::string, table> values;
  void see(std::string_view what, index_t block, const matrix<B>& value) override {
    seen += std::string(what) + " of block " + std::to_string(block) + ": " + std::to_string(value.rows()) + " x " +
            std::to_string(value.cols()) + "; ";
    values[std::string(what)] = get(value);
  }
};

sizes three_experts(index_t layers = 4) {
  sizes s;
  s.d_model = 4;
  s.d_ff = 5;
  s.layers = layers;
  s.experts = 3;
  s.initializer_range = 0.5;
  return s;
}

/// A backbone of somebody else: every layer adds its mixture to half of what came in.
template <class Stack, class B = typename Stack::backend_type>
variable<B> own_loop(const Stack& moe, typename Stack::pass& pass, variable<B> x) {
  for (index_t l = 0; l < moe.layers(); ++l) x = add(scale(x, 0.5), moe(pass, l, x));
  return x;
}

/// Names of parameters and, after a bar, of buffers.
template <class B>
std::string names(const kept_list<B>& all) {
  std::string text;
  for (const parameter<B>* p : all.parameters) text += p->name() + " ";
  text += "| ";
  for (const buffer<B>* b : all.buffers) text += b->name() + " ";
  return text;
}

double relu_of(double a) { return std::max(a, 0.0); }

}  // namespace

TEST_CASE_TEMPLATE("moe/stack: every intermediate value, by hand", B, GMOE_TEST_MODULE_BACKENDS) {
  // The second mixture, in block 3, whose experts lie second in the bank.
  moe_stack<with<smoe_card, local_expert, listed_blocks>, B> moe(three_experts(), {.placement = {.blocks = {1, 3}}});
  CHECK(moe.layers() == 2);
  CHECK(moe.shape(1).block == 3);
  CHECK(moe.shape(1).moe_layer == 1);
  CHECK(moe.shape(1).moe_layers == 2);
  CHECK(moe.shape(1).experts == 3);
  CHECK(moe.visible(1) == std::vector<id_type>{3, 4, 5});
  CHECK(moe.widths() == std::vector<index_t>(6, 5));
  recorder<B> observer;
  context<B> ctx;
  ctx.observer = &observer;
  const table x = random_table(6, 4, 2, -2, 2);
  auto pass = moe.begin(ctx);
  moe(pass, 0, variable<B>(put<B>(random_table(6, 4, 3))));
  observer.seen.clear();
  const variable<B> y = moe(pass, 1, variable<B>(put<B>(x)));
  const routing<B>& r = pass.found().routings[1];
  CHECK(r.block == 3);
  CHECK(r.layer == 1);
  CHECK(r.experts == 3);
  CHECK(*r.visible == moe.visible(1));
  CHECK_FALSE(r.pool_is_shared);
  const table z = product_transposed(x, get(moe.template mine<slots::router>(1).layer.gate.value())), p = softmax(z);
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
  const table routed = experts(x, in_bank, w, {0, 5, 10, 15, 20, 25, 30}, get(moe.bank().w_in().value()),
                               get(moe.bank().w_out().value()), relu_of);
  const auto& local = moe.template mine<slots::always>(1).layer.expert.weights;
  const table always = experts(x, std::vector<std::vector<id_type>>(6, {0}), table{}, {0, 5}, get(local.w_in().value()),
                               get(local.w_out().value()), relu_of);
  CHECK(difference(observer.values["routed_out"], routed) < 1e-5);
  CHECK(difference(observer.values["always_out"], always) < 1e-5);
  table sum = routed;
  for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += always.values[i];
  CHECK(difference(get(y.value()), sum) < 1e-5);
  CHECK(observer.seen == "always_out of block 3: 6 x 4; routed_out of block 3: 6 x 4; moe_out of block 3: 6 x 4; ");
}

TEST_CASE_TEMPLATE("moe/stack: pairs lie by expert, in token order", B, GMOE_TEST_MODULE_BACKENDS) {
  // Room for floor(0.5 * ceil(7 / 3)) = 1.
  const moe_stack<switch_card, B> moe(three_experts(1), {.capacity = {.factor = 0.5}});
  auto pass = moe.begin(training_context<B>());
  moe(pass, 0, variable<B>(put<B>(random_table(7, 4, 2, -2, 2))));
  const routing<B>& r = pass.found().routings[0];
  const auto chosen = r.chosen.to_host(), kept = r.kept.to_host(), offsets = r.pairs.offsets.to_host();
  auto order = r.pairs.order.to_host();
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

TEST_CASE_TEMPLATE("moe/stack: nothing is observed where nothing is computed", B, GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<with<smoe_card, shared_experts, fine_grained<layer_pool>>, B> moe(
      three_experts(1));  // and none is set aside
  recorder<B> observer;
  context<B> ctx;
  ctx.observer = &observer;
  auto pass = moe.begin(ctx);
  moe(pass, 0, variable<B>(put<B>(random_table(6, 4, 2))));
  CHECK(observer.seen == "routed_out of block 0: 6 x 4; moe_out of block 0: 6 x 4; ");
}

TEST_CASE_TEMPLATE("moe/stack: a router that returns another shape", B, GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<with<smoe_card, narrow_router>, B> moe(three_experts(1));
  auto pass = moe.begin({});
  CHECK(refusal([&] { moe(pass, 0, variable<B>(put<B>(random_table(6, 4, 2)))); }) ==
        "the router returned logits of shape 6 x 2, expected 6 x 3");
}

TEST_CASE_TEMPLATE("moe/stack: parameters and buffers, each once, by name", B, GMOE_TEST_MODULE_BACKENDS) {
  moe_stack<gmoe_card, B> gmoe(three_experts(2));
  CHECK(names(gmoe.kept()) ==
        "h.0.moe.local.w_in h.0.moe.local.w_out h.1.moe.local.w_in h.1.moe.local.w_out experts.w_in experts.w_out "
        "router.gru.weight_ih router.gru.weight_hh router.gru.bias_ih router.gru.bias_hh "
        "router.0.h_ln.weight router.0.h_ln.bias router.0.prev_score_ln.weight router.0.prev_score_ln.bias "
        "router.0.prev_score_proj router.0.gate_head "
        "router.1.h_ln.weight router.1.h_ln.bias router.1.prev_score_ln.weight router.1.prev_score_ln.bias "
        "router.1.prev_score_proj router.1.gate_head | ");
  CHECK(gmoe.parameters().size() == 22);
  moe_stack<hash_card, B> hash(three_experts(3));
  CHECK(names(hash.kept()) == "experts.w_in experts.w_out | router.bucket ");
  CHECK(hash.parameters().size() == 2);
  CHECK(names(gmoe.template kept_of<slots::always>(1)) == "h.1.moe.local.w_in h.1.moe.local.w_out | ");
  CHECK(names(gmoe.template kept_of<slots::router>(1)).starts_with("router.1.h_ln.weight "));
  CHECK(names(gmoe.template kept_of<slots::router>(1)).ends_with("router.gru.bias_hh | "));
  CHECK(gmoe.template kept_of<slots::router>().parameters.size() == 4 + 2 * 6);
  CHECK(names(hash.template kept_of<slots::router>(1)) == "| router.bucket ");
  // The seed decides, and equal names of other cards start equal.
  const auto first = [](auto& moe) { return get(moe.bank().w_in().value()).values; };
  moe_stack<gmoe_card, B> same(three_experts(2)), other(three_experts(2), 7);
  moe_stack<gmoe_no_local_card, B> variant(three_experts(2));
  CHECK(first(same) == first(gmoe));
  CHECK(first(variant) == first(gmoe));
  CHECK(first(other) != first(gmoe));
}

TEST_CASE_TEMPLATE("moe/stack: gradients in a loop of one's own", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto check = [](auto& moe) {
    parameter<B> input("input", put<B>(random_table(5, 4, 1)).clone());
    const variable<B> mix(put<B>(random_table(5, 4, 9)));
    auto all = moe.parameters();
    all.push_back(&input);
    const auto report = check_gradients<B>(all, [&](tape<B>* tape) {
      context<B> ctx = training_context<B>(2);
      ctx.tape = tape;
      auto pass = moe.begin(ctx);
      const variable<B> y = own_loop(moe, pass, ctx.use(input));
      return add(dot(y, mix), pass.loss());
    });
    INFO(report.where);
    CHECK(report.worst < 1e-7);
  };
  // GMoE's without its cut, which differences cannot see.
  moe_stack<with<gmoe_card, global_router<hidden_state, propagate<cut::nowhere>>>, B> gmoe(three_experts(3),
                                                                                           {.balance = {.alpha = 0.5}});
  check(gmoe);
  moe_stack<gshard_card, B> gshard(three_experts(3), card<gshard_card>(switch_loss{.alpha = 0.5}));
  check(gshard);
  moe_stack<deepseek_moe_card, B> deepseek(
      three_experts(2), card<deepseek_moe_card>(fine_grained<layer_pool>{.granularity = 5, .shared_experts = 2}));
  check(deepseek);
}

TEST_CASE_TEMPLATE("moe/stack: a constant one runs several passes at a time, and none sees another", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<gmoe_card, B> moe(three_experts(3));
  const variable<B> a(put<B>(random_table(5, 4, 1))), b(put<B>(random_table(7, 4, 2)));
  const auto alone = [&](const variable<B>& x) {
    auto pass = moe.begin({});
    return get(own_loop(moe, pass, x).value()).values;
  };
  auto first = moe.begin({}), second = moe.begin({});
  variable<B> u = a, v = b;
  for (index_t l = 0; l < 3; ++l) {  // layer by layer in turn
    u = add(scale(u, 0.5), moe(first, l, u));
    v = add(scale(v, 0.5), moe(second, l, v));
  }
  CHECK(get(u.value()).values == alone(a));
  CHECK(get(v.value()).values == alone(b));
  CHECK(first.found().routings[2].chosen.rows() == 5);
  CHECK(second.found().routings[2].chosen.rows() == 7);
  CHECK(first.loss().value().item() != second.loss().value().item());
}

namespace {

/// A bias that remembers loads and one statistic: what a policy may change between steps.
struct remembering_gate {
  using slot = slots::gate;
  template <class B>
  struct layer {
    buffer<B> loads, sums;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("loads", 1, l.experts, -1), make.constant_buffer("sums", 1, 1, -1)};
  }
  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r) const {
    at.add_statistic("tokens", matrix<B>::filled(1, 1, static_cast<typename B::scalar>(r.scores.rows())));
    return gather_elements(r.scores, r.chosen);
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& all, const auto& my) const {
    using scalar = typename B::scalar;
    const std::vector<scalar> loads(all.load.begin(), all.load.end());
    my.layer.loads.value() = matrix<B>::from_host(loads, 1, std::ssize(loads));
    my.layer.sums.value() =
        matrix<B>::filled(1, 1, static_cast<scalar>(static_cast<double>(step) + all.row("tokens")[0]));
  }
};

/// A selection that notes what it compared, for a gate that reads it.
struct noting_top_k {
  using slot = slots::select;
  top_k of{};
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    r.note("doubled", scale(r.scores, 2));
    return of.choose(at, r);
  }
};
struct reading_gate {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    return gather_elements(r.noted("doubled"), r.chosen);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("moe/stack: policies hear of steps, layer by layer", B, GMOE_TEST_MODULE_BACKENDS) {
  using card = with<smoe_card, remembering_gate>;
  CHECK(moe_stack<card, B>::hears_steps);
  CHECK_FALSE(moe_stack<smoe_card, B>::hears_steps);
  moe_stack<card, B> moe(three_experts(2));
  step_statistics<B> step;
  moe.after_step(1, step);  // no pass, nothing to hear
  CHECK(get(moe.template mine<slots::gate>(0).layer.sums.value()).values == std::vector<double>{-1});
  std::vector<std::vector<double>> loads(2, std::vector<double>(3, 0));
  for (std::uint64_t i = 0; i < 3; ++i) {
    auto pass = moe.begin({});
    own_loop(moe, pass, variable<B>(put<B>(random_table(6, 4, i))));
    step.add(pass.found());
    for (std::size_t l = 0; l < 2; ++l)
      for (const id_type e : pass.found().routings[l].chosen.to_host()) ++loads[l][static_cast<std::size_t>(e)];
  }
  moe.after_step(100, step);
  for (index_t l = 0; l < 2; ++l) {
    const auto mine = moe.template mine<slots::gate>(l);
    CHECK(get(mine.layer.loads.value()).values == loads[static_cast<std::size_t>(l)]);
    CHECK(get(mine.layer.sums.value()).values == std::vector<double>{118});
  }
  CHECK(names(moe.kept()).ends_with("| h.0.moe.gate.loads h.0.moe.gate.sums h.1.moe.gate.loads h.1.moe.gate.sums "));
}

TEST_CASE_TEMPLATE("moe/stack: policies are prepared", B, GMOE_TEST_MODULE_BACKENDS) {
  CHECK(moe_stack<hash_card, B>::wants_preparation);
  CHECK_FALSE(moe_stack<gmoe_card, B>::wants_preparation);
  sizes s = three_experts(2);
  s.vocab = 5;
  moe_stack<hash_card, B> moe(s);
  moe.prepare(std::vector<std::int64_t>{1, 8, 4, 2, 9});
  CHECK(get(moe.template mine<slots::router>(0).shared.bucket.value()).values == std::vector<double>{2, 1, 2, 2, 0});
}

TEST_CASE_TEMPLATE("moe/stack: one policy notes what another one reads", B, GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<with<smoe_card, noting_top_k, reading_gate>, B> moe(three_experts(1));
  auto pass = moe.begin({});
  moe(pass, 0, variable<B>(put<B>(random_table(6, 4, 2))));
  const routing<B>& r = pass.found().routings[0];
  CHECK(difference(get(r.weights.value()), get(scale(gather_elements(r.scores, r.chosen), 2).value())) == 0);
  const moe_stack<with<smoe_card, reading_gate>, B> unnoted(three_experts(1));
  auto lonely = unnoted.begin({});
  CHECK(refusal([&] { unnoted(lonely, 0, variable<B>(put<B>(random_table(6, 4, 2)))); }) ==
        "block 0: no policy has noted 'doubled' in the routing; there are no notes");
}

TEST_CASE_TEMPLATE("moe/stack: numbers that do not fit", B, GMOE_TEST_MODULE_BACKENDS) {
  const auto refused = []<class Card>(sizes s, const Card& card) {
    return refusal([&] { moe_stack<Card, B> moe(s, card); });
  };
  sizes s = three_experts();
  CHECK(refused(s, smoe_card{}) == "");
  CHECK(refused(s, card<smoe_card>(top_k{.k = 4})) ==
        "the selection takes 4 experts per token, but block 0 has only 3");
  CHECK(refused(s, card<smoe_card>(switch_loss{.alpha = -1})) == "balance.alpha is -1, expected 0 or more");
  CHECK(refused(s, dense_card{}) == "moe_stack: the card's placement leaves no block with a mixture");
  CHECK(refused(s, with<smoe_card, fine_grained<layer_pool>>{.experts = {.granularity = 5, .shared_experts = 1}}) ==
        "the pool sets 1 shared experts aside, but the card's answer to 'always' does not compute them: it takes the "
        "policy shared_experts");
  s.experts = 0;
  CHECK(refused(s, smoe_card{}) == "experts is 0, expected at least 1");
  s = three_experts();
  s.d_model = 0;
  CHECK(refused(s, smoe_card{}) == "d_model is 0, expected at least 1");
}
