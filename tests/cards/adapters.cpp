// Experts that adapt a layer which stands still, against their equations.
#include "cards/adapters.hpp"
#include "cards/check.hpp"
#include "gmoe/train/trainer.hpp"

using namespace gmoe_test;

namespace {

/// The equations with as many experts as a model has.
template <class Equations>
Equations with_experts(std::size_t n, Equations e = {}) {
  e.experts = e.k = n;
  return e;
}

/// A small model for finite differences, with a base that trains.
card_case tiny_adapters(const std::string& card) {
  card_case c{.card = card, .set = {{"body.from", "-1"}}, .batch = 1, .sequence = 4};
  c.shape.layers = 1;
  c.shape.d_ff = 3;
  return c;
}

std::vector<double> numbers_of(gmoe::any_model<model_backend>& model, const char* name) {
  return named(model, name).value().to_host();
}

/// Sets every number of the parameters whose name ends so.
void fill_adapters(gmoe::any_model<model_backend>& model, const char* ending, double value) {
  model.each_parameter([&](gmoe::parameter<model_backend>& p) {
    if (p.name().ends_with(ending)) p.value() = gmoe::matrix<model_backend>::filled(p.rows(), p.cols(), value);
  });
}

}  // namespace

TEST_CASE("cards/mov: its equations, with a base that stands still or trains; differences; reading") {
  card_case c{.card = "mov"};
  check_equations(c, mov_equations{});
  c.set = {{"body.from", "3"}};
  c.step = 2;
  c.shape.experts = 7;
  check_equations(c, with_experts<mov_equations>(7));
  c.training = false;
  check_equations(c, with_experts<mov_equations>(7));
  check_reading(c);
  c.shape.experts = 1;
  check_equations(c, with_experts<mov_equations>(1));
  check_gradients(tiny_adapters("mov"));
}

TEST_CASE("cards/molora: its equations, for ranks up to d and one expert; differences; reading") {
  card_case c{.card = "molora"};
  check_equations(c, molora_equations{});
  c.set = {{"body.rank", "3"}, {"body.from", "-1"}};
  c.shape.experts = 5;
  molora_equations other = with_experts<molora_equations>(5);
  other.rank = 3;
  check_equations(c, other);
  c.training = false;
  check_reading(c);
  // One expert of rank d: LoRA that may be any matrix.
  c.shape.experts = 1;
  c.set = {{"body.rank", std::to_string(c.shape.d_model)}};
  molora_equations alone = with_experts<molora_equations>(1);
  alone.rank = static_cast<std::size_t>(c.shape.d_model);
  check_equations(c, alone);
  card_case small = tiny_adapters("molora");
  small.set.push_back({"body.rank", "2"});
  check_gradients(small);
}

TEST_CASE(
    "cards/perft: its equations, also with an expert that nobody asks; without U it is smoe; differences; reading") {
  card_case c{.card = "perft"};
  check_equations(c, perft_equations{});
  c.set = {{"body.width", "3"}, {"body.from", "-1"}, {"select.k", "1"}};
  c.shape.experts = 9;  // more than there are pairs
  c.batch = 1;
  c.sequence = 4;
  perft_equations many = with_experts<perft_equations>(9);
  many.k = 1;
  many.a = 3;
  check_equations(c, many);
  c.shape.experts = 1;
  perft_equations alone = with_experts<perft_equations>(1);
  alone.a = 3;
  c.training = false;
  check_equations(c, alone);
  c.shape.experts = 4;
  check_reading(c);
  card_case small = tiny_adapters("perft");
  small.set.push_back({"body.width", "2"});
  check_gradients(small);

  // Its other parameters have smoe's names.
  const card_case usual{.card = "perft"};
  const auto model = model_of<model_backend>(usual);
  fill_adapters(*model, ".up", 0);
  const text t(usual.batch, usual.sequence, usual.shape.vocab);
  naive::number::start();
  body_mixture smoe;
  naive::settings how;
  how.batch = static_cast<std::size_t>(usual.batch);
  how.sequence = static_cast<std::size_t>(usual.sequence);
  how.heads = static_cast<std::size_t>(usual.shape.heads);
  how.epsilon = usual.shape.layer_norm_epsilon;
  const auto expected = naive::run(smoe, mixed_blocks(usual), how, weights_of(model->parameters()),
                                   {t.tokens.begin(), t.tokens.end()}, {t.targets.begin(), t.targets.end()});
  CHECK(losses_of(*model, t, true).total.value().item() == doctest::Approx(expected.total.value()).epsilon(1e-12));
}

TEST_CASE("cards/adapters: they begin as their base, which is one for both") {
  molora_equations base;
  base.adapts = false;
  for (const char* card : {"mov", "molora"}) {
    CAPTURE(card);
    const card_case c{.card = card};
    const auto fresh = gmoe::make_model<model_backend, GMOE_TEST_CARDS>(card_of(c), c.shape);
    for (const double v : numbers_of(*fresh, card == std::string("mov") ? "experts.vectors" : "experts.in.b"))
      CHECK(v == (card == std::string("mov") ? 1 : 0));
    const auto model = model_of<model_backend>(c);
    fill_adapters(*model, ".vectors", 1);
    fill_adapters(*model, ".b", 0);
    const text t(c.batch, c.sequence, c.shape.vocab);
    const double loss = losses_of(*model, t, true).total.value().item();
    naive::number::start();
    naive::settings how;
    how.batch = static_cast<std::size_t>(c.batch);
    how.sequence = static_cast<std::size_t>(c.sequence);
    how.heads = static_cast<std::size_t>(c.shape.heads);
    how.epsilon = c.shape.layer_norm_epsilon;
    molora_equations equations = base;
    const auto expected = naive::run(equations, mixed_blocks(c), how, weights_of(model->parameters()),
                                     {t.tokens.begin(), t.tokens.end()}, {t.targets.begin(), t.targets.end()});
    CHECK(loss == doctest::Approx(expected.total.value()).epsilon(1e-12));
  }
}

TEST_CASE("cards/adapters: the base stands still from a step on, the rest goes on; what does not fit") {
  for (const std::string card : {"mov", "molora", "perft"}) {
    CAPTURE(card);
    const auto model = model_of<model_backend>({.card = card, .set = {{"body.from", "1"}}});
    std::vector<std::uint8_t> bytes(200);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i % 11);
    gmoe::trainer run(*model, std::span<const std::uint8_t>(bytes), {.steps = 3, .batch = 2, .sequence = 5});
    const char* adapter = card == "mov" ? "experts.vectors" : card == "perft" ? "experts.adapters.up" : "experts.out.b";
    const char* w1 = card == "perft" ? "experts.w_in" : "experts.in.base";
    const char* w2 = card == "perft" ? "experts.w_out" : "experts.out.base";
    const auto first_in = numbers_of(*model, w1), first_out = numbers_of(*model, w2);
    run.step();
    const auto in = numbers_of(*model, w1), out = numbers_of(*model, w2);
    const auto before = numbers_of(*model, adapter);
    CHECK(in != first_in);
    CHECK(out != first_out);
    run.step();
    CHECK(numbers_of(*model, w1) == in);
    CHECK(numbers_of(*model, w2) == out);
    CHECK(numbers_of(*model, adapter) != before);
    CHECK(refusal({.card = card, .set = {{"body.from", "-2"}}}).find("body.from is -2, expected") != std::string::npos);
  }
  CHECK(refusal({.card = "molora", .set = {{"body.rank", "0"}}}).find("body.rank is 0, expected") != std::string::npos);
}
