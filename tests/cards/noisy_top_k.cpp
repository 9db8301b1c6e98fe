// Noise on logits, and who would have been chosen with other noise, token by token.
#include "cards/noisy_top_k.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/noisy_top_k: its equations, with noise in training and without in evaluation") {
  card_case c{.card = "noisy-top-k", .set = {{"balance.importance", "0.4"}, {"balance.load", "0.3"}}};
  noisy_equations equations;
  equations.importance = 0.4;
  equations.load = 0.3;
  for (const std::size_t k : {2, 1, 3, 4}) {
    CAPTURE(k);
    c.set.push_back({"select.k", std::to_string(k)});
    equations.k = k;
    check_equations(c, equations);
  }
  c.set.push_back({"router.least", "0.5"});
  c.set.push_back({"select.k", "2"});
  equations.least = 0.5;
  equations.k = 2;
  check_equations(c, equations);
  c.training = false;
  check_equations(c, equations);
  c.training = true;
  c.shape.experts = 1;
  c.set.push_back({"select.k", "1"});
  equations.experts = equations.k = 1;
  check_equations(c, equations);
}

TEST_CASE("cards/noisy_top_k: differences, token by token, padding, and no noise at all") {
  card_case c{.card = "noisy-top-k", .set = {{"balance.importance", "0.4"}, {"balance.load", "0.3"}}};
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  using B = GMOE_TEST_BACKEND<double>;
  gmoe::language_model<gmoe::noisy_top_k_card, B> model(small_sizes());
  randomise(model);
  check_padding(model, false);
  // Without noise it is smoe, but for what keeps the load even.
  c.training = false;
  c.set = {{"balance.importance", "0"}};
  check_same(c, {.card = "smoe", .set = {{"balance.alpha", "0"}}, .shape = c.shape, .training = false});
  CHECK(refusal({.card = "noisy-top-k", .set = {{"select.k", "5"}}})
            .find("the selection takes 5 experts per token, but block 0 has only 4") != std::string::npos);
  CHECK(refusal({.card = "noisy-top-k", .set = {{"router.least", "0"}}}).find("router.least is 0, expected") !=
        std::string::npos);
}

TEST_CASE("cards/noisy_top_k: a new model has as much noise for everybody, drawn anew in every step") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "noisy-top-k"};
  const auto model = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of(c), c.shape);
  const text t(2, 5, c.shape.vocab);
  const auto found = losses_of(*model, t, true).found;
  for (const auto& r : found.routings)
    for (const double s : r.noted("noise_deviation").value().to_host())
      CHECK(s == doctest::Approx(std::log(2.0) + 0.01).epsilon(1e-12));
  gmoe::context<B> ctx;
  ctx.training = true;
  ctx.random = gmoe::random_stream(78);
  const auto other = model->loss(ctx, t.on<B>(c.shape.vocab)).found;
  CHECK(other.routings[0].chosen.to_host() != found.routings[0].chosen.to_host());
}
