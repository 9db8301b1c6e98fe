// A router that teaches a table of token ids, and the table alone, token by token.
#include "cards/stable_moe.hpp"
#include "cards/check.hpp"
#include "gmoe/train/trainer.hpp"

using namespace gmoe_test;

TEST_CASE("cards/stable_moe: both stages by their equations, with one table and with one for each layer") {
  card_case c{.card = "stable-moe",
              .set = {{"select.width", "5"}, {"select.balance", "0.7"}, {"capacity.factor", "0.75"}}};
  stable_equations equations;
  equations.crowded = 0.7;
  equations.factor = 0.75;
  for (const bool one : {true, false}) {
    CAPTURE(one);
    c.set.push_back({"select.one_table", one ? "true" : "false"});
    equations.one_table = one;
    for (const std::int64_t step : {0, 59, 60})
      for (const bool training : {true, false}) {
        CAPTURE(step);
        CAPTURE(training);
        c.step = step;
        c.training = training;
        const auto found = check_equations(c, equations);
        CHECK((dropped(found) > 0) == training);
      }
  }
  c.step = 0;
  c.training = true;
  c.shape.experts = equations.experts = 1;
  check_equations(c, equations);
}

TEST_CASE("cards/stable_moe: differences, token by token, padding") {
  card_case c{.card = "stable-moe", .set = {{"select.width", "5"}}};
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  c.step = 60;
  check_gradients(c);
  check_reading(c);
  using B = GMOE_TEST_BACKEND<double>;
  gmoe::language_model<gmoe::stable_moe_card, B> model(small_sizes());
  randomise(model);
  check_padding(model, false);
  // Padding counts for nothing: neither for what is crowded nor for what is taught.
  const text t(1, 3, 11);
  std::vector<id_type> tokens = t.tokens, targets = t.targets;
  tokens.resize(6, 7);
  targets.resize(6, gmoe::no_target);
  gmoe::batch<B> padded;
  padded.assign(tokens, targets, 2, 11, std::vector<index_t>{3, 0});
  gmoe::context<B> ctx;
  ctx.training = true;
  const auto beside = model.loss(ctx, padded).found, alone = model.loss(ctx, t.on<B>(11)).found;
  REQUIRE(alone.losses.size() == 4);  // crowded in three layers, taught by the first
  REQUIRE(beside.losses.size() == 4);
  for (std::size_t i = 1; i < 4; ++i)
    CHECK(beside.losses[i].value.value().item() ==
          doctest::Approx(alone.losses[i].value.value().item()).epsilon(1e-12));
}

TEST_CASE("cards/stable_moe: training writes the table when stage one ends, and what it learned from stands still") {
  using B = GMOE_TEST_BACKEND<double>;
  const auto model = model_of<B>({.card = "stable-moe", .set = {{"select.stage_one", "3"}, {"select.width", "5"}}});
  std::vector<std::uint8_t> bytes(200);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i % 11);
  gmoe::trainer run(*model, std::span<const std::uint8_t>(bytes),
                    {.steps = 6, .batch = 2, .sequence = 5, .learning_rate = 0.1});
  const auto table = [&] {
    std::vector<double> entries;
    model->each_buffer([&](gmoe::buffer<B>& b) { entries = b.value().to_host(); });
    return entries;
  };
  const auto learned = [&] { return named(*model, "select.words").value().to_host(); };
  const std::vector<double> fresh = table();
  for (int i = 0; i < 2; ++i) run.step();
  CHECK(table() == fresh);
  const auto before = learned();
  run.step();
  CHECK(learned() != before);
  const std::vector<double> written = table(), at_the_end = learned();
  const naive::weights w = weights_of(model->parameters());
  stable_equations equations;
  for (int id = 0; id < 11; ++id)
    CHECK(written[static_cast<std::size_t>(id)] == naive::largest(equations.says(w, 0, id), 1)[0]);
  for (int i = 0; i < 3; ++i) run.step();
  CHECK(table() == written);
  CHECK(learned() == at_the_end);
  // From here on it is hash routing with that table, and with a weight.
  const text t(2, 5, 11);
  for (const auto& r : losses_of(*model, t, false).found.routings) {
    const auto chosen = r.chosen.to_host();
    for (std::size_t i = 0; i < chosen.size(); ++i) CHECK(chosen[i] == written[static_cast<std::size_t>(t.tokens[i])]);
    for (const double weight : r.weights.value().to_host()) CHECK((weight > 0 && weight < 1));
  }
}

TEST_CASE("cards/stable_moe: a new one has orthogonal centroids; numbers that do not fit") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "stable-moe"};
  const auto model = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of(c), c.shape);
  const auto rows = named(*model, "router.1.centroids").value().to_host();
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      double dot = 0;
      for (std::size_t k = 0; k < 8; ++k) dot += rows[i * 8 + k] * rows[j * 8 + k];
      CHECK(dot == doctest::Approx(i == j ? 0.01 : 0).epsilon(1e-12).scale(1));
    }
  CHECK(refusal({.card = "stable-moe", .set = {{"select.stage_one", "0"}}}).find("select.stage_one is 0, expected") !=
        std::string::npos);
}
