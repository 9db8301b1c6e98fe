// A node, then an expert of the node.
#include "cards/smile.hpp"
#include "cards/choosing.hpp"

using namespace gmoe_test;

TEST_CASE("cards/smile: its equations, differences, and token by token") {
  card_case c{.card = "smile"};
  check_equations(c, smile_equations{});
  check_reading(c);
  c.shape.experts = 6;
  c.set = {{"score.nodes", "3"}, {"balance.alpha", "0.3"}, {"balance.beta", "0.7"}};
  smile_equations six;
  six.experts = 6;
  six.nodes = 3;
  six.alpha = 0.3;
  six.beta = 0.7;
  check_equations(c, six);
  c.training = false;
  check_equations(c, six);
  c.shape.layers = 2;
  check_gradients(c);
  CHECK(refusal({.card = "smile", .set = {{"score.nodes", "3"}}}) ==
        "score.nodes is 3, expected a divisor of the 4 experts that a layer sees");
}

TEST_CASE("cards/smile: with one node it is top-1 of the experts, and nodes cannot be uneven") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "smile", .set = {{"score.nodes", "1"}}};
  const auto model = model_of<B>(c);
  const auto l = losses_of(*model, text(2, 5, 11), true);
  for (const auto& r : l.found.routings) {
    const auto z = r.logits.value().to_host(), w = r.weights.value().to_host();
    const auto chosen = r.chosen.to_host();
    for (std::size_t t = 0; t < chosen.size(); ++t) {
      double sum = 0, best = z[5 * t + 1];
      for (std::size_t e = 1; e < 5; ++e) {
        sum += std::exp(z[5 * t + e]);
        best = std::max(best, z[5 * t + e]);
      }
      CHECK(z[5 * t + 1 + static_cast<std::size_t>(chosen[t])] == best);
      CHECK(w[t] == doctest::Approx(std::exp(best) / sum).epsilon(1e-12));
    }
  }
}
