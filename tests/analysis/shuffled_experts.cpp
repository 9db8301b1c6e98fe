#include "gmoe/analysis/shuffled_experts.hpp"

#include <algorithm>
#include <set>

#include "gmoe/model/under_rule.hpp"
#include "gmoe/train/evaluate.hpp"
#include "moe/routing_helpers.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::model_backend;
using gmoe_test::named;
using gmoe_test::randomise;
using gmoe_test::refusal;
using gmoe_test::small_model;
using gmoe_test::small_sizes;

namespace {

std::vector<std::uint8_t> some_bytes() {
  std::vector<std::uint8_t> t(59);
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<std::uint8_t>(i * i % 11);
  return t;
}

/// Expert e of each private pool computes what `from`'s expert instead[e] of the layer does.
template <class Model>
void move_experts(const Model& from, Model& to, const shuffled_experts<model_backend>& rule) {
  const auto d = static_cast<std::size_t>(from.shape().d_model);
  for (index_t l = 0; l < from.moe().layers(); ++l) {
    const auto& pool = from.moe().visible(l);
    const auto instead = rule.permutation("", l, std::ssize(pool));
    for (const char* name : {"experts.w_in", "experts.w_out"}) {
      const auto source = named(const_cast<Model&>(from), name).value().to_host();
      auto values = named(to, name).value().to_host();
      for (std::size_t e = 0; e < pool.size(); ++e) {
        const index_t here = pool[e], there = pool[static_cast<std::size_t>(instead[e])];
        const auto first = static_cast<std::size_t>(from.moe().bank().first_unit(there)) * d,
                   end = static_cast<std::size_t>(from.moe().bank().first_unit(there + 1)) * d,
                   at = static_cast<std::size_t>(from.moe().bank().first_unit(here)) * d;
        for (std::size_t i = first; i < end; ++i) values[at + i - first] = source[i];
      }
      auto& value = named(to, name).value();
      value = matrix<model_backend>::from_host(values, value.rows(), value.cols());
    }
  }
}

/// The loss under the rule is that of a model whose experts have changed their places.
template <class Card>
void check_against_moved_weights() {
  auto model = small_model<Card>(), moved = small_model<Card>();
  randomise(model, 7);
  randomise(moved, 7);
  const shuffled_experts<model_backend> rule(random_stream(2));
  move_experts(model, moved, rule);
  const std::vector<std::uint8_t> t = some_bytes();
  const std::span<const std::uint8_t> text(t);
  const double shuffled = evaluate(under_rule(model, rule), text, 7, 3).loss;
  CHECK(std::abs(shuffled - evaluate(moved, text, 7, 3).loss) < 1e-12);
  CHECK(std::abs(shuffled - evaluate(model, text, 7, 3).loss) > 1e-3);
}

}  // namespace

TEST_CASE("analysis/shuffled_experts: as a model whose experts have changed their places") {
  check_against_moved_weights<smoe_card>();
  check_against_moved_weights<switch_card>();
}

TEST_CASE("analysis/shuffled_experts: a permutation for every layer and mixture, and another for every stream") {
  const shuffled_experts<model_backend> rule(random_stream(2)), other(random_stream(3));
  std::set<std::vector<id_type>> seen;
  for (const char* mixture : {"", "first"})
    for (const index_t layer : {0, 1, 2}) {
      auto order = rule.permutation(mixture, layer, 16);
      CHECK(order == rule.permutation(mixture, layer, 16));
      CHECK(order != other.permutation(mixture, layer, 16));
      seen.insert(order);
      std::sort(order.begin(), order.end());
      for (id_type e = 0; e < 16; ++e) CHECK(order[static_cast<std::size_t>(e)] == e);
    }
  CHECK(seen.size() == 6);
}

TEST_CASE_TEMPLATE("analysis/shuffled_experts: slots keep their weights, and empty ones stay empty", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const shuffled_experts<B> rule(random_stream(2));
  const auto to = rule.permutation("", 0, 3);
  routing<B> r = gmoe_test::routing_of<B>(gmoe_test::table(2, 3, 0.5), {2, 0, no_choice, 1});
  r.kept = r.chosen;
  const layer_shape shape{};
  rule.change_kept(place<B>{context<B>{}, shape}, r);
  CHECK(r.kept.to_host() == std::vector<id_type>{to[2], to[0], no_choice, to[1]});
  CHECK(r.chosen.to_host() == std::vector<id_type>{2, 0, no_choice, 1});
}

TEST_CASE("analysis/shuffled_experts: one expert has no other; refused in training") {
  sizes s = small_sizes();
  s.experts = 1;
  language_model<switch_card, model_backend> model(s);
  const shuffled_experts<model_backend> rule(random_stream(2));
  const std::vector<std::uint8_t> t = some_bytes();
  const std::span<const std::uint8_t> text(t);
  CHECK(evaluate(under_rule(model, rule), text, 7, 3).loss == evaluate(model, text, 7, 3).loss);
  const gmoe_test::text data(2, 5, 11);
  CHECK(refusal([&] { under_rule(model, rule).loss({.training = true}, data.on<model_backend>(11)); }) ==
        "block 0: a routing rule is one at inference, but this pass trains");
}
