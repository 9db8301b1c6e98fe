#include "gmoe/model/within_budget.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "gmoe/analysis/buddies.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/moe/form/in_series.hpp"
#include "gmoe/train/evaluate.hpp"
#include "moe/routing_helpers.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using B = gmoe_test::model_backend;

namespace {

/// Everything that a pass shows, by block and name.
struct witness : observer<B> {
  std::map<std::pair<index_t, std::string>, std::vector<double>> seen;
  void see(std::string_view what, index_t block, const matrix<B>& value) override {
    seen[{block, std::string(what)}] = value.to_host();
  }
};

/// Experts 1, 3, ... of every layer are absent, or all but one; buddies in some order that differs by layer and expert.
template <class Model>
expert_budget thinned(const Model& model, bool all_but_one, absence how) {
  std::vector<expert_budget::layer> layers;
  for (index_t l = 0; l < model.moe().layers(); ++l) {
    const auto n = static_cast<index_t>(model.moe().visible(l).size());
    expert_budget::layer one{.number = l};
    for (index_t e = 0; e < n; ++e) {
      one.in_memory.push_back(all_but_one ? e == l % n : e % 2 == 0);
      std::vector<id_type> buddies;
      for (index_t i = 1; i < n; ++i) buddies.push_back(static_cast<id_type>((e + (l % 2 == 0 ? i : n - i)) % n));
      one.buddies.push_back(buddies);
    }
    layers.push_back(one);
  }
  return expert_budget(std::move(layers), how);
}

/// Who runs for one token, as the rule reads.
std::vector<id_type> by_the_rule(const expert_budget::layer& l, const std::vector<id_type>& asked, bool substitute) {
  std::vector<id_type> ran;
  for (const id_type e : asked) ran.push_back(e >= 0 && l.in_memory[static_cast<std::size_t>(e)] ? e : -1);
  for (std::size_t j = 0; j < asked.size() && substitute; ++j) {
    if (asked[j] < 0 || ran[j] >= 0) continue;
    for (const id_type b : l.buddies[static_cast<std::size_t>(asked[j])]) {
      bool takes = l.in_memory[static_cast<std::size_t>(b)];
      for (const id_type other : ran) takes = takes && other != b;
      if (!takes) continue;
      ran[j] = b;
      break;
    }
  }
  return ran;
}

/// Every layer's sum over the pairs against loops over tokens, experts and units; rectified experts of two matrices.
template <class Card>
void check_against_loops(bool all_but_one, absence how, const Card& card = {}) {
  auto model = language_model<Card, B>(gmoe_test::small_sizes(), card);
  gmoe_test::randomise(model, 7);
  const gmoe_test::text text(3, 6, model.shape().vocab);
  const batch<B> data = text.on<B>(model.shape().vocab);
  const expert_budget budget = thinned(model, all_but_one, how);
  const within_budget thin(model, budget);
  witness saw;
  context<B> ctx = model.reading({}, data);
  ctx.observer = &saw;
  auto pass = thin.begin(ctx);
  thin.hidden(pass);
  auto whole = model.begin(model.reading({}, data));
  model.hidden(whole);

  const auto w_in = model.moe().bank().w_in().value().to_host(), w_out = model.moe().bank().w_out().value().to_host();
  const auto d = static_cast<std::size_t>(model.shape().d_model);
  index_t substituted = 0, dropped = 0;
  std::map<index_t, std::vector<double>> inputs;
  for (std::size_t number = 0; number < pass.found().routings.size(); ++number) {
    const auto& r = pass.found().routings[number];
    const auto& layer = budget.layers()[static_cast<std::size_t>(r.layer)];
    const std::string round = r.number == 0 ? "" : "round" + std::to_string(r.number) + "/";
    auto& x = inputs[r.block];
    if (r.number == 0) x = saw.seen.at({r.block, "moe_in"});
    const auto& y = saw.seen.at({r.block, round + "routed_out"});
    const auto asked = r.chosen.to_host(), kept = r.kept.to_host();
    const auto k = static_cast<std::size_t>(r.chosen.cols());
    // What the gate says does not depend on the budget, but what comes in does, after the first mixture.
    const auto& before = whole.found().routings[number];
    if (number == 0) CHECK(asked == before.chosen.to_host());
    const auto w = (number == 0 && !how.renormalise ? before : r).weights.value().to_host();
    for (std::size_t t = 0; t < asked.size() / k; ++t) {
      const std::vector<id_type> ran =
          by_the_rule(layer, {asked.begin() + static_cast<long>(t * k), asked.begin() + static_cast<long>((t + 1) * k)},
                      how.substitute);
      std::vector<double> sum(d);
      for (std::size_t j = 0; j < k; ++j) {
        CHECK(kept[t * k + j] == ran[j]);
        substituted += ran[j] >= 0 && ran[j] != asked[t * k + j];
        dropped += ran[j] < 0 && asked[t * k + j] >= 0;
        if (ran[j] < 0) continue;
        const index_t e = (*r.visible)[static_cast<std::size_t>(ran[j])];
        for (index_t u = model.moe().bank().first_unit(e); u < model.moe().bank().first_unit(e + 1); ++u) {
          double h = 0;
          for (std::size_t c = 0; c < d; ++c) h += w_in[static_cast<std::size_t>(u) * d + c] * x[t * d + c];
          for (std::size_t c = 0; c < d && h > 0; ++c)
            sum[c] += w[t * k + j] * h * w_out[static_cast<std::size_t>(u) * d + c];
        }
      }
      for (std::size_t c = 0; c < d; ++c) CHECK(std::abs(sum[c] - y[t * d + c]) < 1e-10);
    }
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];  // of a form that goes on
  }
  CHECK((how.substitute ? substituted : dropped) > 0);
  if (!how.substitute) CHECK(substituted == 0);
}

template <class Card>
void check_card_within_budget(const Card& card = {}) {
  for (const bool all_but_one : {false, true}) {
    check_against_loops<Card>(all_but_one, {}, card);
    check_against_loops<Card>(all_but_one, {.substitute = false}, card);
  }
}

std::vector<std::uint8_t> bytes() {
  std::vector<std::uint8_t> t(59);
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<std::uint8_t>(i * i % 11);
  return t;
}

}  // namespace

TEST_CASE("model/within_budget: smoe against loops over tokens") { check_card_within_budget<smoe_card>(); }
TEST_CASE("model/within_budget: switch against loops over tokens") { check_card_within_budget<switch_card>(); }
TEST_CASE("model/within_budget: gmoe against loops over tokens") { check_card_within_budget<gmoe_card>(); }
TEST_CASE("model/within_budget: deepseek-moe against loops over tokens") {
  check_card_within_budget<deepseek_moe_card>();
}
TEST_CASE("model/within_budget: rexmoe against loops over tokens") { check_card_within_budget<rexmoe_card>(); }
TEST_CASE("model/within_budget: raytraced, whose form routes several times, against loops over tokens") {
  check_card_within_budget<raytraced_card>();
}
TEST_CASE("model/within_budget: chain-of-experts, whose rounds have routers of their own, against loops over tokens") {
  check_card_within_budget<chain_of_experts_card>();
}
TEST_CASE("model/within_budget: renormalised weights of smoe against loops over tokens") {
  check_against_loops<smoe_card>(false, {.substitute = false, .renormalise = true});
  check_against_loops<smoe_card>(true, {.substitute = true, .renormalise = true});
}

TEST_CASE("model/within_budget: a budget for everybody changes nothing to the bit, one for fewer does") {
  auto model = gmoe_test::small_model<smoe_card>();
  gmoe_test::randomise(model, 7);
  std::vector<expert_budget::layer> layers;
  for (index_t l = 0; l < model.moe().layers(); ++l)
    layers.push_back({.number = l, .in_memory = std::vector<bool>(4, true), .buddies = {{1}, {2}, {3}, {0}}});
  const expert_budget everybody(layers);
  const std::vector<std::uint8_t> t = bytes();
  const std::span<const std::uint8_t> text(t);
  const double whole = evaluate(model, text, 7, 3).loss;
  CHECK(evaluate(within_budget(model, everybody), text, 7, 3).loss == whole);
  CHECK(evaluate(within_budget(model, thinned(model, true, {})), text, 7, 3).loss != whole);
}

TEST_CASE("model/within_budget: one expert") {
  sizes s = gmoe_test::small_sizes();
  s.experts = 1;
  language_model<switch_card, B> model(s);
  const expert_budget budget(
      {{.number = 0, .in_memory = {true}, .buddies = {{}}}, {.number = 1, .in_memory = {true}, .buddies = {{}}}});
  const std::vector<std::uint8_t> t = bytes();
  const std::span<const std::uint8_t> text(t);
  CHECK(evaluate(within_budget(model, budget), text, 7, 3).loss == evaluate(model, text, 7, 3).loss);
}

TEST_CASE("model/within_budget: the mixtures of a form, each with a pool of its own; a model chosen at run time") {
  struct two_mixtures {
    in_series<switch_card, gmoe_card> form{};
    every_block placement{};
    gpt2_feed_forward dense{};
  };
  model_of<two_mixtures, B> made(language_model<two_mixtures, B>(gmoe_test::small_sizes()));
  any_model<B>& model = made;
  gmoe_test::randomise(model, 7);
  const std::vector<std::uint8_t> t = bytes();
  const std::span<const std::uint8_t> text(t);
  const auto usage = record_usage(model, text, 7, 3);
  REQUIRE(usage.size() == 6);  // of 3 layers: first, second, first, ...
  std::vector<buddy_lists> buddies;
  for (const layer_usage& l : usage) {
    CHECK(l.mixture == (buddies.size() % 2 == 0 ? "first" : "second"));
    buddies.push_back(buddies_by_similarity(l, std::vector<double>(16)));
  }
  const auto in_memory = most_used(usage, 0.5);
  CHECK(usage[0].pool->ids != usage[2].pool->ids);  // pools of their own
  CHECK(in_memory[1] == in_memory[3]);              // GMoE's is of all layers
  const expert_budget budget = make_budget(usage, in_memory, buddies);
  budget_pairs pairs;
  evaluate(within_budget(model, budget), text, 7, 3, 0, [&](const losses<B>& l) {
    for (const auto& r : l.found.routings) {
      budget.count(r, pairs);
      for (const id_type e : r.kept.to_host())
        if (e != no_choice) CHECK(budget.of(r.mixture, r.layer, 4).in_memory[static_cast<std::size_t>(e)]);
    }
  });
  CHECK(pairs.asked == 6 * 58);
  CHECK(pairs.substituted > 0);
  CHECK(pairs.substituted == pairs.absent);
}

TEST_CASE("model/within_budget: token by token as in one pass") {
  auto model = gmoe_test::small_model<smoe_card>();
  gmoe_test::randomise(model, 7);
  const expert_budget budget = thinned(model, false, {});
  const within_budget thin(model, budget);
  const std::vector<id_type> ids{3, 1, 4, 1, 5};
  batch<B> data;
  data.assign(ids, {}, 1, 11);
  const auto all = thin.hidden(thin.reading({}, data)).value().to_host();
  kv_cache<B> cache = thin.make_cache();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    data.assign(std::span(ids).subspan(i, 1), {}, 1, 11);
    context<B> ctx = thin.reading({}, data);
    ctx.cache = &cache;
    const auto one = thin.hidden(ctx).value().to_host();
    for (std::size_t c = 0; c < one.size(); ++c) CHECK(std::abs(one[c] - all[i * one.size() + c]) < 1e-12);
  }
}

TEST_CASE("model/within_budget: refused in training, and where it says nothing of a mixture") {
  auto model = gmoe_test::small_model<smoe_card>();
  const expert_budget budget = thinned(model, false, {}), for_nobody({});
  const gmoe_test::text text(2, 5, 11);
  const batch<B> data = text.on<B>(11);
  CHECK(gmoe_test::refusal([&] { within_budget(model, budget).loss({.training = true}, data); }) ==
        "block 0: an expert budget is a rule at inference, but this pass trains");
  CHECK(gmoe_test::refusal([&] { within_budget(model, for_nobody).loss({}, data); }) ==
        "the expert budget says nothing of mixture number 0");
}
