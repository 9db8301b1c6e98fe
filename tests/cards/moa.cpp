// Heads of attention that tokens choose.
#include "cards/moa.hpp"

#include "cards/check.hpp"
#include "gmoe/model/causality.hpp"

using namespace gmoe_test;
using moa_backend = GMOE_TEST_BACKEND<double>;

TEST_CASE("cards/moa: its equations, differences, reading, products") {
  card_case c{.card = "moa"};
  c.shape.layers = 2;
  CHECK(check_equations(c, moa_equations{}).routings.empty());  // those of mixtures beside attention: there are none
  check_reading(c);
  check_products(c, moa_equations{});
  c.training = false;
  check_equations(c, moa_equations{});
  c.training = true;
  c.shape.layers = 1;
  check_gradients(c);
  c.shape.dropout = 0.2;
  check_gradients(c);
}

TEST_CASE("cards/moa: no more heads than a token takes, one head, no losses") {
  card_case all{.card = "moa", .set = {{"attention.choices", "1"}}};
  all.shape.layers = 1;
  check_equations(all, moa_equations{});
  check_reading(all);
  all.shape.heads = 1;
  check_equations(all, moa_equations{});
  card_case free{.card = "moa", .set = {{"attention.alpha", "0"}, {"attention.beta", "0"}}};
  free.shape.layers = 1;
  moa_equations without;
  without.alpha = without.beta = 0;
  CHECK(check_equations(free, without).losses.empty());
  // A head that nobody asks, and equal scores.
  card_case few{.card = "moa", .set = {{"attention.choices", "6"}}, .batch = 1, .sequence = 2};
  few.shape.layers = 1;
  check_equations(few, moa_equations{});
}

TEST_CASE("cards/moa: all heads with equal shares are ordinary attention with one head of keys and values") {
  card_case c{.card = "moa", .set = {{"attention.choices", "1"}}};
  c.shape.layers = 1;
  const auto model = model_of<moa_backend>(c);
  for (auto* const p : model->parameters())
    if (p->name() == "h.0.attn.gate") moa_backend::fill(p->value().view(), 0.0);  // all scores are equal
  naive::number::start();
  naive::weights w = weights_of(model->parameters());
  // GPT-2's matrices with the keys and values repeated for each head; the share of a head is in the last one.
  const auto d = static_cast<std::size_t>(c.shape.d_model), heads = static_cast<std::size_t>(c.shape.heads);
  const naive::weight &query = w.at("h.0.attn.query"), &shared = w.at("h.0.attn.shared"), &out = w.at("h.0.attn.out");
  naive::weight qkv{d, 3 * d, vec(3 * d * d)}, proj{d, d, vec(d * d)};
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) {
      const std::size_t of_head = j % (d / heads);
      qkv.values[i * 3 * d + j] = query(j, i);
      qkv.values[i * 3 * d + d + j] = shared(of_head, i);
      qkv.values[i * 3 * d + 2 * d + j] = shared(d / heads + of_head, i);
      proj.values[i * d + j] = out(i, j) / static_cast<double>(heads);
    }
  w["h.0.attn.c_attn.weight"] = qkv;
  w["h.0.attn.c_attn.bias"] = {1, 3 * d, vec(3 * d)};
  w["h.0.attn.c_proj.weight"] = proj;
  w["h.0.attn.c_proj.bias"] = {1, d, vec(d)};
  struct : naive::mixture {
    mat operator()(const naive::call&, naive::layer_record&) override { return {}; }
  } ordinary;
  naive::settings how;
  how.batch = static_cast<std::size_t>(c.batch);
  how.sequence = static_cast<std::size_t>(c.sequence);
  how.heads = heads;
  const text t(c.batch, c.sequence, c.shape.vocab);
  const naive::result expected =
      naive::run(ordinary, {false}, how, w, {t.tokens.begin(), t.tokens.end()}, {t.targets.begin(), t.targets.end()});
  CHECK(losses_of(*model, t, true).language.value().item() ==
        doctest::Approx(expected.language.value()).epsilon(1e-12));
}

TEST_CASE("cards/moa: padding, reach, numbers") {
  const card_case c{.card = "moa"};
  const auto model = model_of<moa_backend>(c);
  for (const bool training : {true, false}) {
    CHECK(gmoe::check_causality(*model, 6, training).measured == gmoe::reach::past);
    check_padding(*model, training);
  }
  CHECK(card_of(c).reach(true).how == gmoe::reach::past);
  // Four times as many heads cost parameters, and a token nothing but their scores.
  const card_case one{.card = "moa", .set = {{"attention.choices", "1"}}};
  const gmoe::model_cost four = card_of(c).cost(c.shape), single = card_of(one).cost(c.shape);
  const index_t d = c.shape.d_model, layers = c.shape.layers, heads = c.shape.heads;
  CHECK(four.active == single.active);
  CHECK(four.experts == 4 * single.experts);
  CHECK(single.experts == layers * 2 * d * d);
  CHECK(four.router == layers * 4 * heads * d);
  CHECK(four.total - single.total == layers * 3 * (2 * d * d + heads * d));
  CHECK(four.multiply_adds - single.multiply_adds == layers * 3 * heads * d);
  CHECK(refusal({.card = "moa", .set = {{"attention.choices", "0"}}}) == "attention.choices is 0, expected at least 1");
}
