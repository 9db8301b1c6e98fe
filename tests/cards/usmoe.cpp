// Experts and tokens compete in one score, and the batch has one budget of pairs.
#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {

using naive::mat;
using naive::vec;

struct usmoe_equations : naive::paired_mixture {
  double k = 2, share = 0.5;
  bool training = true;
  std::vector<std::vector<double>> column_sum{}, threshold{};  ///< layer by layer, in evaluation
  std::vector<std::vector<double>>*sums = nullptr, *smallest = nullptr;

  pairs choose(const naive::call& at, const mat& z) override {
    mat p = naive::softmax_of_rows(z);
    const mat by_tokens = naive::turned(naive::softmax_of_rows(naive::turned(z)));
    for (std::size_t t = 0; t < z.size(); ++t)
      for (std::size_t e = 0; e < experts; ++e) {
        const naive::number other =
            training ? by_tokens[t][e]
                     : exp(z[t][e] - (column_sum.empty() ? std::log(7.0) : column_sum[at.layer][e]));  // 7 positions
        p[t][e] = naive::number(1 - share) * p[t][e] + naive::number(share) * other;
      }
    pairs all(z.size());
    if (!training) {
      for (std::size_t t = 0; t < z.size(); ++t)
        for (const int e : naive::largest(p[t], experts)) {
          const auto& score = p[t][static_cast<std::size_t>(e)];
          if (score.value() > (threshold.empty() ? 0.25 : threshold[at.layer][0]))
            all[t].push_back({static_cast<std::size_t>(e), score});
        }
      return all;
    }
    vec flat;
    for (const vec& row : p) flat.insert(flat.end(), row.begin(), row.end());
    std::vector<int> best = naive::largest(
        flat, std::clamp<std::size_t>(static_cast<std::size_t>(k * static_cast<double>(z.size())), 1, flat.size()));
    if (smallest) smallest->push_back({flat[static_cast<std::size_t>(best.back())].value()});
    if (sums) {
      sums->emplace_back();
      for (std::size_t e = 0; e < experts; ++e) {
        double sum = 0;
        for (const vec& row : z) sum += std::exp(row[e].value());
        sums->back().push_back(std::log(sum));
      }
    }
    std::sort(best.begin(), best.end());
    for (const int i : best) {
      const std::size_t t = static_cast<std::size_t>(i) / experts, e = static_cast<std::size_t>(i) % experts;
      all[t].push_back({e, p[t][e]});
    }
    return all;
  }
};

}  // namespace

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
