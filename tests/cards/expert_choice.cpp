// Experts take tokens: by scores, by a plan that bounds what tokens get, and by a plan with even loads.
#include "cards/expert_choice.hpp"
#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {

using double_backend = GMOE_TEST_BACKEND<double>;

/// Numbers of a plan that is found in few sweeps: no gradient goes through them.
const std::vector<std::pair<std::string, std::string>> few_sweeps{{"select.sweeps", "2"}};

/// Training; evaluation before the first step and with thresholds of any size; what a step leaves of the batch.
/// Finite differences are taken with the numbers `quick`.
template <class Reference>
void check_choice(card_case c, Reference equations, const std::string& buffer, double around,
                  const std::vector<std::pair<std::string, std::string>>& quick = few_sweeps) {
  check_equations(c, equations);
  card_case small = c;
  small.shape.layers = 2;
  small.set = quick;
  check_gradients(small);
  check_looks_ahead_in_training_alone(c);
  check_reading(c);
  const text t(c.batch, c.sequence, c.shape.vocab);

  const auto model = model_of<double_backend>(c);
  std::vector<std::vector<double>> seen;
  Reference watched = equations;
  watched.seen = &seen;
  compare_with_naive(*model, watched, mixed_blocks(c), t, true, false, 1e-10);
  hear_one_step(*model, c);
  const auto after = buffers_of(*model, buffer);
  REQUIRE(after.size() == seen.size());
  for (std::size_t l = 0; l < seen.size(); ++l) {
    REQUIRE(after[l].size() == seen[l].size());
    for (std::size_t e = 0; e < seen[l].size(); ++e) CHECK(after[l][e] == doctest::Approx(seen[l][e]).epsilon(1e-10));
  }
  c.step = 1000;  // from now on a hundredth of what is seen
  randomise_buffers(*model, buffer, around);
  const auto before = buffers_of(*model, buffer);
  hear_one_step(*model, c);
  const auto later = buffers_of(*model, buffer);
  for (std::size_t l = 0; l < seen.size(); ++l)
    for (std::size_t e = 0; e < seen[l].size(); ++e)
      CHECK(later[l][e] == doctest::Approx(0.99 * before[l][e] + 0.01 * seen[l][e]).epsilon(1e-10));

  c.training = equations.training = false;
  check_equations(c, equations);
  randomise_buffers(*model, buffer, around);
  equations.means = buffers_of(*model, buffer);
  compare_with_naive(*model, equations, mixed_blocks(c), t, false, false, 1e-10);
}

}  // namespace

TEST_CASE("cards/expert-choice: its equations, differences, thresholds, reach") {
  card_case c{.card = "expert-choice"};
  check_choice(c, expert_choice_equations{}, "threshold", 0.3, {});
  expert_choice_equations more;
  for (const double factor : {0.1, 1.3, 9.0}) {  // one token each; some; all
    CAPTURE(factor);
    more.factor = factor;
    c.set = {{"select.factor", std::to_string(factor)}};
    check_equations(c, more);
  }
  CHECK(refusal({.card = "expert-choice", .set = {{"select.factor", "2"}, {"select.memory", "0"}}}) == "");
  CHECK_THROWS_WITH_AS(card_of({.card = "expert-choice", .set = {{"select.memory", "1"}}}),
                       "select.memory is 1, expected [0, 1)", gmoe::config_error);
}

TEST_CASE("cards/expert-choice: one expert that takes every token is that expert") {
  card_case one{.card = "expert-choice", .set = {{"select.factor", "1"}}};
  card_case usual{.card = "smoe", .set = {{"select.k", "1"}, {"balance.alpha", "0"}}};
  one.shape.experts = usual.shape.experts = 1;
  check_same(one, usual, 1e-8);  // smoe divides by p + 1e-9
}

TEST_CASE("cards/expert-choice-bounded: its equations, differences, thresholds, reach; the bound") {
  card_case c{.card = "expert-choice-bounded"};
  check_choice(c, bounded_equations{}, "threshold", 0.3);
  const auto over = [&](const card_case& d) {  // tokens with more than two experts
    const auto found = losses_of(*model_of<double_backend>(d), text(4, 7, d.shape.vocab), true).found;
    index_t count = 0;
    for (const auto& r : found.routings) {
      const auto kept = r.kept.to_host();
      for (std::size_t t = 0; t < kept.size(); t += 4)
        count += std::count(kept.begin() + static_cast<std::ptrdiff_t>(t),
                            kept.begin() + static_cast<std::ptrdiff_t>(t + 4), gmoe::no_choice) < 2;
    }
    return count;
  };
  const index_t free = over({.card = "expert-choice"}), bounded = over({.card = "expert-choice-bounded"});
  CHECK(bounded < free);
  CHECK(over({.card = "expert-choice-bounded", .set = {{"select.sweeps", "2000"}}}) < bounded / 2);
  // A bound that nobody reaches is none.
  card_case loose{.card = "expert-choice-bounded", .set = {{"select.most", "4"}}};
  check_same(loose, {.card = "expert-choice"});
}

TEST_CASE("cards/sinkhorn: its equations, differences, potentials, reach") {
  card_case c{.card = "sinkhorn"};
  check_choice(c, sinkhorn_equations{}, "potential", 0.3);
  sinkhorn_equations sharp;
  sharp.epsilon = 0.05;
  sharp.k = 4;
  c.set = {{"select.epsilon", "0.05"}, {"select.k", "4"}};
  check_equations(c, sharp);
}

TEST_CASE("cards/sinkhorn-expert-choice: its equations, differences, thresholds, reach") {
  card_case c{.card = "sinkhorn-expert-choice"};
  check_choice(c, sinkhorn_expert_choice_equations{}, "threshold", 0.3);
}

TEST_CASE("cards/sparse-transport: its equations, differences, thresholds, reach") {
  card_case c{.card = "sparse-transport"};
  check_choice(c, sparse_equations{}, "threshold", 0.3);
  sparse_equations smooth;
  smooth.gamma = 4;
  smooth.sweeps = 7;
  c.set = {{"select.gamma", "4"}, {"select.sweeps", "7"}};
  check_equations(c, smooth);
}
