// Attention as a mixture of all heads but one.
#include "cards/heads_but_one.hpp"

#include "cards/check.hpp"
#include "gmoe/model/causality.hpp"

using namespace gmoe_test;
using but_one_backend = GMOE_TEST_BACKEND<double>;

TEST_CASE("cards/h-1-heads: its equations, differences, reading, products") {
  card_case c{.card = "h-1-heads", .set = {{"attention.hidden", "6"}}};
  c.shape.layers = 2;
  c.shape.heads = 4;
  CHECK(check_equations(c, heads_but_one_equations{}).routings.empty());
  check_reading(c);
  check_products(c, heads_but_one_equations{});
  c.training = false;
  check_equations(c, heads_but_one_equations{});
  c.training = true;
  c.shape.layers = 1;
  c.shape.heads = 2;
  check_gradients(c);
  c.shape.dropout = 0.2;
  check_gradients(c);
}

TEST_CASE("cards/h-1-heads: experts of equal weight are GPT-2's attention") {
  card_case c{.card = "h-1-heads"};
  c.shape.layers = 1;
  const auto model = model_of<but_one_backend>(c);
  naive::number::start();
  const naive::weights w = weights_of(model->parameters());
  struct : naive::mixture {
    mat operator()(const naive::call&, naive::layer_record&) override { return {}; }
  } ordinary;
  naive::settings how;
  how.batch = static_cast<std::size_t>(c.batch);
  how.sequence = static_cast<std::size_t>(c.sequence);
  const text t(c.batch, c.sequence, c.shape.vocab);
  const double expected =
      naive::run(ordinary, {false}, how, w, {t.tokens.begin(), t.tokens.end()}, {t.targets.begin(), t.targets.end()})
          .language.value();
  CHECK(std::abs(losses_of(*model, t, true).language.value().item() - expected) > 1e-6);
  for (auto* const p : model->parameters())
    if (p->name() == "h.0.attn.gate_out") but_one_backend::fill(p->value().view(), 0.0);
  CHECK(losses_of(*model, t, true).language.value().item() == doctest::Approx(expected).epsilon(1e-12));
}

TEST_CASE("cards/h-1-heads: padding, reach, numbers") {
  const card_case c{.card = "h-1-heads"};
  const auto model = model_of<but_one_backend>(c);
  for (const bool training : {true, false}) {
    CHECK(gmoe::check_causality(*model, 6, training).measured == gmoe::reach::past);
    check_padding(*model, training);
  }
  CHECK(card_of(c).reach(true).how == gmoe::reach::past);
  const gmoe::model_cost cost = card_of(c).cost(c.shape);
  const index_t gates = c.shape.layers * 64 * (c.shape.d_model + c.shape.heads);
  CHECK(cost.router == gates);
  CHECK(cost.experts == 0);
  card_case one = c;
  one.shape.heads = 1;
  CHECK(refusal(one) == "heads = 1: heads_but_one needs at least 2, or no head is left without one");
  CHECK(refusal({.card = "h-1-heads", .set = {{"attention.hidden", "0"}}}) ==
        "attention.hidden is 0, expected at least 1");
}
