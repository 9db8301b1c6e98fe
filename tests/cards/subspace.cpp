// A dense layer, and directions that a token adds to it, against their equations.
#include "cards/subspace.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/subspace: its equations, with and without a lack of strength; differences; reading") {
  card_case c{.card = "subspace"};
  check_equations(c, subspace_equations{});
  c.set = {{"select.k", "3"},          {"balance.alpha", "0.3"}, {"balance.budget", "0.7"}, {"balance.least", "9"},
           {"router.strength", "0.2"}, {"body.strength", "0.4"}, {"router.limit", "0.5"}};
  subspace_equations other;
  other.k = 3;
  other.alpha = 0.3;
  other.budget = 0.7;
  other.least = 9;
  other.on_logits = 0.2;
  other.on_angles = 0.4;
  other.limit = 0.5;  // some are beyond
  check_equations(c, other);
  c.training = false;
  check_equations(c, other);
  check_reading(c);
  card_case small{.card = "subspace", .set = c.set, .batch = 1, .sequence = 4};
  small.set.pop_back();
  small.shape.layers = 1;
  small.shape.d_ff = 3;
  check_gradients(small);
}

TEST_CASE("cards/subspace: more directions than dimensions, one direction, none that speaks") {
  card_case c{.card = "subspace"};
  c.shape.experts = 11;
  subspace_equations many;
  many.experts = 11;
  check_equations(c, many);
  c.shape.experts = 1;
  c.set = {{"select.k", "1"}};
  subspace_equations alone;
  alone.experts = alone.k = 1;
  check_equations(c, alone);

  // Without gamma it is a dense layer with an expert's body.
  using B = model_backend;
  const auto model = model_of<B>({.card = "subspace"});
  model->each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("gain")) p.value() = gmoe::matrix<B>::filled(p.rows(), p.cols(), 0.0);
  });
  struct parts : gmoe::observer<B> {
    std::vector<double> always, all;
    void see(std::string_view what, index_t block, const gmoe::matrix<B>& v) override {
      if (block == 1 && what == "always_out") always = v.to_host();
      if (block == 1 && what == "moe_out") all = v.to_host();
    }
  } seen;
  gmoe::context<B> ctx;
  ctx.observer = &seen;
  model->loss(ctx, text(2, 5, 11).on<B>(11));
  CHECK(seen.all.size() == 80);
  CHECK(seen.all == seen.always);
}
