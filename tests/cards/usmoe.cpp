// Experts and tokens compete in one score, and the batch has one budget of pairs.
#include "cards/usmoe.hpp"
#include "cards/choosing.hpp"

using namespace gmoe_test;

TEST_CASE("cards/usmoe: its equations, differences, running numbers, reach") {
  using B = GMOE_TEST_BACKEND<double>;
  card_case c{.card = "usmoe"};
  usmoe_equations equations;
  check_equations(c, equations);
  check_looks_ahead_in_training_alone(c);
  check_reading(c);
  card_case small = c;
  small.shape.layers = 2;
  check_gradients(small);
  for (const double k : {0.01, 1.37, 4.0}) {
    usmoe_equations other;
    other.k = k;
    other.share = 0.8;
    card_case d = c;
    d.set = {{"select.k", std::to_string(k)}, {"score.share", "0.8"}};
    check_equations(d, other);
  }

  const auto model = model_of<B>(c);
  std::vector<std::vector<double>> sums, smallest;
  usmoe_equations watched;
  watched.sums = &sums;
  watched.smallest = &smallest;
  const text t(c.batch, c.sequence, c.shape.vocab);
  compare_with_naive(*model, watched, mixed_blocks(c), t, true, false, 1e-10);
  hear_one_step(*model, c);
  const auto same = [](const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t l = 0; l < a.size(); ++l) {
      REQUIRE(a[l].size() == b[l].size());
      for (std::size_t e = 0; e < a[l].size(); ++e) CHECK(a[l][e] == doctest::Approx(b[l][e]).epsilon(1e-10));
    }
  };
  same(buffers_of(*model, "column_sum"), sums);
  same(buffers_of(*model, "threshold"), smallest);

  c.training = equations.training = false;
  check_equations(c, equations);
  randomise_buffers(*model, "column_sum", 2);
  randomise_buffers(*model, "threshold", 0.2);
  equations.column_sum = buffers_of(*model, "column_sum");
  equations.threshold = buffers_of(*model, "threshold");
  compare_with_naive(*model, equations, mixed_blocks(c), t, false, false, 1e-10);
}

TEST_CASE("cards/usmoe: without the tokens' share, and with all pairs, it is the dense mixture") {
  check_same({.card = "usmoe", .set = {{"score.share", "0"}, {"select.k", "4"}}},
             {.card = "expert-choice", .set = {{"select.factor", "4"}}});
}
