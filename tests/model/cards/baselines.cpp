// The baselines against the equations, with gradients, in evaluation and in training with dropped pairs.
#include <doctest/doctest.h>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

template <class Card>
void check(const naive::variant& v, bool drops, const Card& card = gmoe_test::small_card<Card>(),
           const sizes& s = gmoe_test::small_sizes()) {
  for (const bool training : {false, true}) {
    language_model<Card, B> model(s, card);
    gmoe_test::randomise(model);
    const auto found = gmoe_test::compare_with_naive(model, v, text(2, 5, s.vocab), training);
    CHECK((gmoe_test::dropped(found) > 0) == (drops && training));
  }
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

}  // namespace

TEST_CASE("model/cards: dense") {
  naive::variant v;
  v.mixture = {false, false, false};
  check<dense_card>(v, false);
  v.relu_dense = true;
  check<dense_relu_card>(v, false);
}

TEST_CASE("model/cards: Switch") {
  check<switch_card>(switch_equations(), true);
  naive::variant v = switch_equations();
  v.mixture = {false, true, false};
  auto odd = gmoe_test::small_card<switch_card>();
  odd.placement.first = 1;
  check(v, true, odd);
  auto listed = gmoe_test::small_card<with<switch_card, listed_blocks>>();
  listed.placement.blocks = {1, 2};
  v.mixture = {false, true, true};
  check(v, true, listed);
}

TEST_CASE("model/cards: Switch with a shared expert") {
  naive::variant v = switch_equations();
  v.always = 12;
  check<switch_shared_card>(v, true);
}

TEST_CASE("model/cards: Switch with jitter on the router's input, in training only") {
  using card = with<switch_card, jittered<linear_router>>;
  const sizes s = gmoe_test::small_sizes();
  auto noisy = gmoe_test::small_card<card>();
  noisy.router.epsilon = 0.2;
  language_model<card, B> model(s, noisy);
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
  check<smoe_card>(v, false);
  auto card = gmoe_test::small_card<smoe_card>();
  card.select.k = 3;
  v.k = 3;
  check(v, false, card);
  card.select.k = 4;  // every expert
  v.k = 4;
  check(v, false, card);
}

TEST_CASE("model/cards: GShard as GMoE's authors ran it") {
  check<gshard_card>(gshard_equations(), true);
  auto card = gmoe_test::small_card<gshard_card>();
  card.capacity.factor = 0.34;  // room for 1: floor(0.34 * 5)
  check(gshard_equations(), true, card);
}

TEST_CASE("model/cards: GShard as in its paper") {
  naive::variant v = gshard_equations();
  v.room = naive::room::gshard_paper;
  v.balance = naive::balance::first_choices;
  check<gshard_paper_card>(v, true);
  sizes s = gmoe_test::small_sizes();
  s.experts = 3;
  auto card = gmoe_test::small_card<gshard_paper_card>();
  card.capacity.factor = 1;  // floor(20 / 3) = 6, not 7
  v.experts = 3;
  check(v, true, card, s);
}

TEST_CASE("model/cards: hash layers") {
  naive::variant v = switch_equations();
  v.router = naive::router_kind::table;
  v.room = naive::room::unlimited;
  v.weigh = naive::weighting::one;
  v.balance = naive::balance::none;
  for (int id = 0; id < 11; ++id) v.table.push_back(id % 4);
  check<hash_card>(v, false);  // without counts

  language_model<hash_card, B> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  const std::vector<std::int64_t> counts{0, 9, 4, 4, 2, 0, 7, 1, 1, 1, 5};
  model.prepare(counts);
  const auto table = balanced_buckets(counts, 4);
  v.table.assign(table.begin(), table.end());
  gmoe_test::compare_with_naive(model, v, text(2, 5, 11), true);
}

TEST_CASE("model/cards: DeepSeekMoE") {
  sizes s = gmoe_test::small_sizes();
  s.experts = 3;
  auto card = gmoe_test::small_card<deepseek_moe_card>();
  card.experts.granularity = 2;  // 6 parts of width 6, one of them for every token
  naive::variant v = switch_equations();
  v.experts = 5;
  v.width = 6;
  v.k = 3;
  v.always = 6;
  v.room = naive::room::unlimited;
  check(v, false, card, s);

  card.experts.shared_experts = 2;  // of 9 parts of width 4
  card.experts.granularity = 3;
  card.select.k = 1;
  v.experts = 7;
  v.width = 4;
  v.k = 1;
  v.always = 8;
  check(v, false, card, s);

  card.experts.shared_experts = 0;  // granularity 1: top-k with raw weights
  card.experts.granularity = 1;
  card.select.k = 2;
  v.experts = 3;
  v.width = 12;
  v.k = 2;
  v.always = 0;
  check(v, false, card, s);
}
