// The baselines against the equations, with gradients, in evaluation and in training with dropped pairs.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::small_card;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

/// Both passes of a model of the card; `drops`: whether training drops pairs.
void check_baseline(const any_card& card, const naive::variant& v, bool drops,
                    const sizes& s = gmoe_test::small_sizes()) {
  for (const bool training : {false, true}) {
    const auto model = make_model<B>(card, s);
    gmoe_test::randomise(*model);
    const auto found = gmoe_test::compare_with_naive(*model, v, text(2, 5, s.vocab), training);
    CHECK((gmoe_test::dropped(found) > 0) == (drops && training));
  }
}
void check_baseline(std::string_view card, const naive::variant& v, bool drops) {
  check_baseline(small_card(card), v, drops);
}

naive::variant switch_equations() {
  naive::variant v;
  v.one_pool = false;
  v.router = naive::router_kind::linear;
  v.room = naive::room::switch_;
  v.mixture = {true, false, true};
  return v;
}

naive::variant gshard_equations() {
  naive::variant v = switch_equations();
  v.k = 2;
  v.weigh = naive::weighting::normalised;
  v.room = naive::room::gshard_authors;
  return v;
}

/// No card with a name has a list of blocks or a jittered input.
using switch_of_lists = with<switch_card, jittered<linear_router>, listed_blocks>;
switch_of_lists switch_in(const std::vector<index_t>& blocks, double epsilon) {
  auto card = gmoe_test::small_card<switch_of_lists>();
  card.placement.blocks = blocks;
  card.router.epsilon = epsilon;  // 0: not jittered
  return card;
}

}  // namespace

TEST_CASE("model/cards: dense") {
  naive::variant v;
  v.mixture = {false, false, false};
  check_baseline("dense", v, false);
  v.relu_dense = true;
  check_baseline("dense-relu", v, false);
}

TEST_CASE("model/cards: Switch") {
  check_baseline("switch", switch_equations(), true);
  naive::variant v = switch_equations();
  v.mixture = {false, true, false};
  check_baseline(small_card("switch", {{"placement.first", "1"}}), v, true);
  v.mixture = {false, true, true};
  for (const bool training : {false, true}) {
    language_model<switch_of_lists, B> model(gmoe_test::small_sizes(), switch_in({1, 2}, 0));
    gmoe_test::randomise(model);
    const auto found = gmoe_test::compare_with_naive(model, v, text(2, 5, model.shape().vocab), training);
    CHECK((gmoe_test::dropped(found) > 0) == training);
  }
}

TEST_CASE("model/cards: Switch with a shared expert") {
  naive::variant v = switch_equations();
  v.always = 12;
  check_baseline("switch-se", v, true);
}

TEST_CASE("model/cards: Switch with jitter on the router's input, in training only") {
  const sizes s = gmoe_test::small_sizes();
  language_model<switch_of_lists, B> model(s, switch_in({0, 2}, 0.2));
  gmoe_test::randomise(model);
  gmoe_test::compare_with_naive(model, switch_equations(), text(2, 5, s.vocab), false);
  // The noise itself is the backend's; here it is drawn once more for the reference.
  std::vector<std::vector<double>> noise;
  for (std::uint64_t block = 0; block < 3; ++block) {
    matrix<B> m(10, 8);
    B::fill_uniform(m.view(), 0.8, 1.2,
                    gmoe_test::step_random.fork(block).fork(static_cast<std::uint64_t>(random_site::router)));
    noise.push_back(m.to_host());
  }
  for (double factor : noise[0]) CHECK((factor >= 0.8 && factor < 1.2));
  CHECK(noise[0] != noise[2]);
  gmoe_test::compare_with_naive(
      model, switch_equations(), text(2, 5, s.vocab), true,
      [&](std::size_t block, std::size_t t, std::size_t c) { return noise[block][t * 8 + c]; });
}

TEST_CASE("model/cards: a plain mixture of experts") {
  naive::variant v = switch_equations();
  v.k = 2;
  v.weigh = naive::weighting::normalised;
  v.room = naive::room::unlimited;
  v.mixture = {true, true, true};
  check_baseline("smoe", v, false);
  for (const index_t k : {3, 4}) {  // 4: every expert
    v.k = static_cast<std::size_t>(k);
    check_baseline(small_card("smoe", {{"select.k", std::to_string(k)}}), v, false);
  }
}

TEST_CASE("model/cards: GShard as GMoE's authors ran it") {
  check_baseline("gshard", gshard_equations(), true);
  // Room for 1: floor(0.34 * 5).
  check_baseline(small_card("gshard", {{"capacity.factor", "0.34"}}), gshard_equations(), true);
}

TEST_CASE("model/cards: GShard as in its paper") {
  naive::variant v = gshard_equations();
  v.room = naive::room::gshard_paper;
  v.balance = naive::balance::first_choices;
  check_baseline("gshard-paper", v, true);
  sizes s = gmoe_test::small_sizes();
  s.experts = 3;
  v.experts = 3;
  check_baseline(small_card("gshard-paper", {{"capacity.factor", "1"}}), v, true, s);  // floor(20 / 3) = 6, not 7
}

TEST_CASE("model/cards: hash layers") {
  naive::variant v = switch_equations();
  v.router = naive::router_kind::table;
  v.room = naive::room::unlimited;
  v.weigh = naive::weighting::one;
  v.balance = naive::balance::none;
  for (int id = 0; id < 11; ++id) v.table.push_back(id % 4);
  check_baseline("hash", v, false);  // without counts

  const auto model = make_model<B>("hash", gmoe_test::small_sizes());
  gmoe_test::randomise(*model);
  const std::vector<std::int64_t> counts{0, 9, 4, 4, 2, 0, 7, 1, 1, 1, 5};
  model->prepare(counts);
  const auto table = balanced_buckets(counts, 4);
  v.table.assign(table.begin(), table.end());
  gmoe_test::compare_with_naive(*model, v, text(2, 5, 11), true);
}

TEST_CASE("model/cards: DeepSeekMoE") {
  sizes s = gmoe_test::small_sizes();
  s.experts = 3;
  any_card card = small_card("deepseek-moe");
  change_setting(card, "experts.granularity", "2");  // 6 parts of width 6, one of them for every token
  naive::variant v = switch_equations();
  v.experts = 5;
  v.width = 6;
  v.k = 3;
  v.always = 6;
  v.room = naive::room::unlimited;
  check_baseline(card, v, false, s);

  change_setting(card, "experts.shared_experts", "2");  // of 9 parts of width 4
  change_setting(card, "experts.granularity", "3");
  change_setting(card, "select.k", "1");
  v.experts = 7;
  v.width = 4;
  v.k = 1;
  v.always = 8;
  check_baseline(card, v, false, s);

  change_setting(card, "experts.shared_experts", "0");  // granularity 1: top-k with raw weights
  change_setting(card, "experts.granularity", "1");
  change_setting(card, "select.k", "2");
  v.experts = 3;
  v.width = 12;
  v.k = 2;
  v.always = 0;
  check_baseline(card, v, false, s);
}
