#include "gmoe/moe/form/in_series.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "gmoe/model/cards.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/moe/card_reach.hpp"
#include "gmoe/moe/stack.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// Counts in a buffer how often each expert was asked, and the steps before which it was told.
struct counting_top_k {
  using slot = slots::select;
  top_k of{};
  template <class B>
  struct layer {
    buffer<B> asked, steps;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("asked", 1, l.experts, 0), make.constant_buffer("steps", 1, 1, 0)};
  }
  template <class B>
  static void set(buffer<B>& b, double value) {
    b.value() = matrix<B>::filled(1, 1, static_cast<typename B::scalar>(value));
  }
  void before_step(std::int64_t step, const auto& my) const { set(my.layer.steps, static_cast<double>(step)); }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& step, const auto& my) const {
    const std::vector<typename B::scalar> load(step.load.begin(), step.load.end());
    my.layer.asked.value() = matrix<B>::from_host(load, 1, static_cast<index_t>(load.size()));
  }
};

struct first_card : smoe_card {
  fine_grained<layer_pool> experts{.granularity = 2};
  counting_top_k select{.of = {.k = 1}};
};
struct second_card : switch_shared_card {
  no_capacity capacity{};
};
struct series_card {
  static constexpr card_text text{"series", "", "two mixtures in every layer"};
  in_series<first_card, second_card> form{};
  every_block placement{};
  gpt2_feed_forward dense{};
};

sizes small_series() {
  sizes s;
  s.d_model = 4;
  s.d_ff = 6;
  s.layers = 2;
  s.experts = 3;
  s.initializer_range = 0.5;
  return s;
}

/// The weights of a mixture in a form, given to one of its own.
template <class B>
void copy(const kept_list<B>& from, const std::string& scope, const kept_list<B>& to) {
  std::map<std::string, parameter<B>*> all;
  for (parameter<B>* p : from.parameters) all[p->name()] = p;
  for (parameter<B>* p : to.parameters) p->value() = all.at(scope + p->name())->value().clone();
}

}  // namespace

TEST_CASE_TEMPLATE("moe/form/in_series: what both mixtures compute alone, and their losses", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  moe_stack<series_card, B> moe(small_series());
  moe_stack<first_card, B> first(small_series());
  moe_stack<with<second_card, every_block>, B> second(small_series());
  copy(moe.kept(), "form.first.", first.kept());
  copy(moe.kept(), "form.second.", second.kept());
  const context<B> ctx = training_context<B>();
  auto pass = moe.begin(ctx);
  auto p = first.begin(ctx);
  auto q = second.begin(ctx);
  for (index_t l = 0; l < 2; ++l) {
    const auto seed = static_cast<std::uint64_t>(l);
    const variable<B> x(put<B>(random_table(6, 4, seed, -2, 2))), r(put<B>(random_table(6, 4, seed + 7, -2, 2)));
    const variable<B> y = moe(pass, l, x, r), f = first(p, l, x);
    const nn::layer_norm<B>& norm = moe.template mine<slots::form>(l).layer.norm;
    const variable<B> g = second(q, l, norm(ctx, add(r, f)));
    CHECK(get(y.value()).values == get(add(f, g).value()).values);
  }
  std::map<std::string, double> losses;
  pass.losses([&](std::string_view name, const variable<B>& v) { losses[std::string(name)] = v.value().item(); });
  CHECK(losses.size() == 2);
  CHECK(losses.at("first/balance") == p.loss().value().item());
  CHECK(losses.at("second/balance") == q.loss().value().item());
  CHECK(pass.loss().value().item() ==
        doctest::Approx(losses["first/balance"] + losses["second/balance"]).epsilon(1e-6));
  CHECK_FALSE(pass.balance_loss());  // the card has none of its own
  // Each routing says whose it is, and its loss is that mixture's.
  REQUIRE(pass.found().routings.size() == 4);
  const routing<B>& r = pass.found().routings[3];
  CHECK(r.mixture == "second");
  CHECK(r.layer == 1);
  CHECK(r.block == 1);
  CHECK(r.experts == 3);
  CHECK(pass.found().routings[2].experts == 6);
  CHECK(moe.layer_loss(r).value().item() == second.layer_loss(q.found().routings[1]).value().item());
}

TEST_CASE_TEMPLATE("moe/form/in_series: the residual stream is asked for", B, GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<series_card, B> moe(small_series());
  auto pass = moe.begin({});
  const variable<B> x(put<B>(random_table(6, 4, 2)));
  CHECK(refusal([&] { moe(pass, 0, x); }) ==
        "block 0: in_series reads the residual stream, which the mixture was not given: moe(pass, layer, x, residual)");
}

TEST_CASE_TEMPLATE("moe/form/in_series: policies within keep, hear of steps, and of their own load", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  using stack = moe_stack<series_card, B>;
  CHECK(stack::hears_steps);
  CHECK(stack::acts_before_steps);
  CHECK_FALSE(stack::wants_preparation);
  stack moe(small_series());
  auto pass = moe.begin(training_context<B>());
  const variable<B> x(put<B>(random_table(6, 4, 2, -2, 2)));
  for (index_t l = 0; l < 2; ++l) moe(pass, l, x, x);
  step_statistics<B> step;
  step.add(pass.found());
  moe.before_step(5);
  moe.after_step(5, step);
  std::map<std::string, table> kept;
  for (const buffer<B>* b : moe.kept().buffers) kept[b->name()] = get(b->value());
  REQUIRE(kept.size() == 4);
  CHECK(kept.at("form.first.h.1.moe.select.steps").values == std::vector<double>{5});
  std::vector<double> load(6);
  for (const id_type e : pass.found().routings[2].chosen.to_host()) ++load[static_cast<std::size_t>(e)];
  CHECK(kept.at("form.first.h.1.moe.select.asked").values == load);
}

TEST_CASE("moe/form/in_series: preparation and reach are those of the mixtures within") {
  using B = GMOE_TEST_BACKEND<double>;
  struct hash_within {
    in_series<hash_card, second_card> form{};
    every_block placement{};
    gpt2_feed_forward dense{};
  };
  using stack = moe_stack<hash_within, B>;
  CHECK(stack::wants_preparation);
  sizes s = small_series();
  s.vocab = 5;
  stack moe(s);
  moe.prepare(std::vector<std::int64_t>{9, 1, 1, 4, 2});
  REQUIRE(moe.kept().buffers.size() == 1);
  CHECK(moe.kept().buffers[0]->name() == "form.first.router.bucket");
  CHECK(get(moe.kept().buffers[0]->value()).values == std::vector<double>{0, 2, 2, 1, 2});
  struct limited_within {
    in_series<first_card, switch_card> form{};
    every_block placement{};
    gpt2_feed_forward dense{};
  };
  CHECK(reach_of_card<limited_within>(true).how == reach::batch);
  CHECK(reach_of_card<limited_within>(true).slot == "form");
  CHECK(reach_of_card<limited_within>(false).how == reach::past);
  CHECK(reach_of_card<series_card>(true).how == reach::past);
}

TEST_CASE("moe/form/in_series: numbers by paths, in help and in what describe shows") {
  series_card card;
  std::string names;
  each_setting(card, [&](const setting& s) { names += s.path() + "=" + s.text() + " "; });
  CHECK(names ==
        "form.first.experts.granularity=2 form.first.experts.shared_experts=0 form.first.select.of.k=1 "
        "form.first.balance.alpha=0.01 form.second.select.k=1 form.second.balance.alpha=0.01 form.divisor=1 ");
  change_setting(card, "form.second.balance.alpha", "0.5");
  CHECK(card.form.second.balance.alpha == 0.5);
  CHECK(refusal([&] { change_setting(card, "form.first.select.of.k", "0"); }) ==
        "form.first.select.of.k is 0, expected at least 1");
  CHECK(refusal([&] {
          change_setting(card, "form.frist.balance.alpha", "1");
        }).find("did you mean 'form.first.balance.alpha'?") != std::string::npos);
  card.form.first.balance.alpha = -1;
  CHECK(refusal([&] { moe_stack<series_card, GMOE_TEST_BACKEND<double>>(small_series(), card); }) ==
        "form.first.balance.alpha is -1, expected 0 or more");
  const std::string text = describe(card, detail_level::brief);
  INFO(text);
  CHECK(text.find("\n    second\n") != std::string::npos);
  CHECK(text.find("\n      balance    switch_loss {alpha = 0.5}: layer_loss\n") != std::string::npos);
  CHECK(text.find("\n      placement") == std::string::npos);
}

TEST_CASE("moe/form/in_series: both mixtures are counted") {
  const model_cost cost = cost_of<series_card>(small_series());
  CHECK(cost.experts == 2 * (6 * 3 * 2 * 4) + 2 * (3 * 6 * 2 * 4));
  CHECK(cost.router == 2 * (6 * 4) + 2 * (3 * 4));
  // Per layer: two parts, an expert and a local expert; attention as in a dense model.
  const index_t dense_layers = 2 * (2 * 6 * 4);
  CHECK(cost.active - cost_of<dense_relu_card>(small_series()).active == 2 * (2 * 3 + 6 + 6) * 2 * 4 - dense_layers);
}
