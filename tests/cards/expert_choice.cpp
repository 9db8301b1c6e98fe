// Experts take tokens: by scores, by a plan that bounds what tokens get, and by a plan with even loads.
#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {

using naive::mat;
using naive::vec;

/// Of each column the c rows with the largest entries of `ranking`, with the weights p.
struct expert_choice_equations : naive::paired_mixture {
  double factor = 2;
  bool training = true;
  std::size_t most = 4;                              ///< in evaluation
  std::vector<std::vector<double>> means{};          ///< thresholds, layer by layer; none: 1 / N
  std::vector<std::vector<double>>* seen = nullptr;  ///< gets the smallest scores that were taken

  virtual std::vector<std::vector<double>> ranking(const mat&, const mat& p) const {
    std::vector<std::vector<double>> r;
    for (const vec& row : p) {
      r.emplace_back();
      for (const auto& v : row) r.back().push_back(v.value());
    }
    return r;
  }

  pairs choose(const naive::call& at, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    pairs all(z.size());
    if (!training) {
      for (std::size_t t = 0; t < p.size(); ++t) {
        vec margin;
        for (std::size_t e = 0; e < experts; ++e)
          margin.push_back(p[t][e] - (means.empty() ? 1.0 / static_cast<double>(experts) : means[at.layer][e]));
        for (const int e : naive::largest(margin, most))
          if (margin[static_cast<std::size_t>(e)].value() > 0)
            all[t].push_back({static_cast<std::size_t>(e), p[t][static_cast<std::size_t>(e)]});
      }
      return all;
    }
    const auto rank = ranking(z, p);
    const auto count = std::clamp<std::size_t>(
        static_cast<std::size_t>(factor * static_cast<double>(z.size()) / static_cast<double>(experts)), 1, z.size());
    std::vector<double> smallest;
    for (std::size_t e = 0; e < experts; ++e) {
      vec column;
      for (const auto& row : rank) column.push_back(row[e]);
      smallest.push_back(1);
      for (const int t : naive::largest(column, count)) {
        const auto& score = p[static_cast<std::size_t>(t)][e];
        all[static_cast<std::size_t>(t)].push_back({e, score});
        smallest.back() = std::min(smallest.back(), score.value());
      }
    }
    if (seen) seen->push_back(smallest);
    return all;
  }
};

/// lambda log sum exp(x / lambda)
double soft_maximum(const std::vector<double>& x, double lambda) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp((v - top) / lambda);
  return top + lambda * std::log(sum);
}

/// Projections onto the three conditions of the plan, one after the other, on its logarithms.
struct bounded_equations : expert_choice_equations {
  double lambda = 0.01, bound = 2;
  int sweeps = 100;
  bounded_equations() { most = 2; }

  std::vector<std::vector<double>> ranking(const mat& z, const mat& p) const override {
    const auto s = expert_choice_equations::ranking(z, p);
    const std::size_t tokens = s.size();
    std::vector<double> alpha(tokens), beta(experts);
    auto gamma = s;
    for (auto& row : gamma) std::fill(row.begin(), row.end(), 0.0);
    for (int n = 0; n < sweeps; ++n) {
      for (std::size_t e = 0; e < experts; ++e) {
        std::vector<double> column;
        for (std::size_t t = 0; t < tokens; ++t) column.push_back(s[t][e] - alpha[t] - gamma[t][e]);
        beta[e] = lambda * std::log(factor * static_cast<double>(tokens) / static_cast<double>(experts)) -
                  soft_maximum(column, lambda);
      }
      for (std::size_t t = 0; t < tokens; ++t) {
        std::vector<double> row;
        for (std::size_t e = 0; e < experts; ++e) row.push_back(s[t][e] + beta[e] - gamma[t][e]);
        alpha[t] = std::max(0.0, soft_maximum(row, lambda) - lambda * std::log(bound));
        for (std::size_t e = 0; e < experts; ++e) gamma[t][e] = std::max(0.0, s[t][e] + beta[e] - alpha[t]);
      }
    }
    auto left = s;
    for (std::size_t t = 0; t < tokens; ++t)
      for (double& v : left[t]) v -= alpha[t];
    return left;
  }
};

struct plan {
  std::vector<double> a, b;
};
plan sinkhorn(const mat& z, double epsilon, int sweeps) {
  plan p{std::vector<double>(z.size()), std::vector<double>(z[0].size())};
  const double due = static_cast<double>(z.size()) / static_cast<double>(z[0].size());
  for (int n = 0; n < sweeps; ++n) {
    for (std::size_t t = 0; t < z.size(); ++t) {
      std::vector<double> row;
      for (std::size_t e = 0; e < z[t].size(); ++e) row.push_back(z[t][e].value() + p.b[e]);
      p.a[t] = -soft_maximum(row, epsilon);
    }
    for (std::size_t e = 0; e < p.b.size(); ++e) {
      std::vector<double> column;
      for (std::size_t t = 0; t < z.size(); ++t) column.push_back(z[t][e].value() + p.a[t]);
      p.b[e] = epsilon * std::log(due) - soft_maximum(column, epsilon);
    }
  }
  return p;
}

struct sinkhorn_expert_choice_equations : expert_choice_equations {
  double epsilon = 1;
  std::vector<std::vector<double>> ranking(const mat& z, const mat& p) const override {
    const plan planned = sinkhorn(z, epsilon, 20);
    auto r = expert_choice_equations::ranking(p, z);
    for (std::size_t t = 0; t < r.size(); ++t)
      for (double& v : r[t]) v += planned.a[t];
    return r;
  }
};

/// Ascent on the tokens' prices; each column the projection of its largest entries.
struct sparse_equations : expert_choice_equations {
  double gamma = 1;
  int sweeps = 20;
  std::vector<std::vector<double>> ranking(const mat& z, const mat& p) const override {
    const auto score = expert_choice_equations::ranking(p, z);
    const std::size_t tokens = z.size();
    const double share = static_cast<double>(tokens) / static_cast<double>(experts);
    const auto count = static_cast<std::size_t>(factor * share);
    std::vector<double> alpha(tokens);
    for (int n = 0; n < sweeps; ++n) {
      std::vector<double> given(tokens);
      for (std::size_t e = 0; e < experts; ++e) {
        vec column;
        for (std::size_t t = 0; t < tokens; ++t) column.push_back((score[t][e] - alpha[t]) / gamma);
        const std::vector<int> best = naive::largest(column, count);
        double tau = -1e300, sum = 0;
        for (std::size_t i = 0; i < best.size(); ++i) {
          sum += column[static_cast<std::size_t>(best[i])].value();
          const double v = column[static_cast<std::size_t>(best[i])].value();
          const double limit = (sum - share) / static_cast<double>(i + 1);
          if (v > limit) tau = limit;  // the last place at which an entry is left
        }
        for (const int t : best)
          given[static_cast<std::size_t>(t)] += std::max(0.0, column[static_cast<std::size_t>(t)].value() - tau);
      }
      for (std::size_t t = 0; t < tokens; ++t) alpha[t] += gamma / static_cast<double>(experts) * (given[t] - 1);
    }
    auto left = score;
    for (std::size_t t = 0; t < tokens; ++t)
      for (double& v : left[t]) v -= alpha[t];
    return left;
  }
};

struct sinkhorn_equations : naive::paired_mixture {
  std::size_t k = 2;
  double epsilon = 1;
  bool training = true;
  std::vector<std::vector<double>> means{};
  std::vector<std::vector<double>>* seen = nullptr;

  pairs choose(const naive::call& at, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    std::vector<double> b = training        ? sinkhorn(z, epsilon, 20).b
                            : means.empty() ? std::vector<double>(experts)
                                            : means[at.layer];
    pairs all(z.size());
    for (std::size_t t = 0; t < z.size(); ++t) {
      vec sum;
      for (std::size_t e = 0; e < experts; ++e) sum.push_back(z[t][e].value() + b[e]);
      for (const int e : naive::largest(sum, k))
        all[t].push_back({static_cast<std::size_t>(e), p[t][static_cast<std::size_t>(e)]});
    }
    if (seen) {
      const double mean = std::accumulate(b.begin(), b.end(), 0.0) / static_cast<double>(experts);
      for (double& v : b) v -= mean;
      seen->push_back(b);
    }
    return all;
  }
};

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
