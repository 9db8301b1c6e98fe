// Experts of different widths, and what the wide ones cost.
#include "cards/check.hpp"
#include "cards/pool_equations.hpp"

using namespace gmoe_test;

namespace {

/// alpha N sum_i M_i P_i, M_i the pairs of expert i per token times its width over the mean.
struct hmoe_equations : pool_equations {
  double alpha = 0.1;
  explicit hmoe_equations(const std::vector<std::size_t>& of_a_layer, std::size_t layers = 3)
      : pool_equations(private_pools(of_a_layer, layers)) {}

  std::map<std::string, naive::number> losses() override {
    naive::number all;
    for (std::size_t l = 0; l < loads.size(); ++l) {
      const std::size_t n = visible[l].size();
      double mean = 0;
      for (const int e : visible[l])
        mean += static_cast<double>(widths[static_cast<std::size_t>(e)]) / static_cast<double>(n);
      for (std::size_t i = 0; i < n; ++i) {
        const double width = static_cast<double>(widths[static_cast<std::size_t>(visible[l][i])]);
        all += naive::number(alpha * static_cast<double>(n)) * (loads[l].pairs[i] / loads[l].tokens * width / mean) *
               loads[l].mean[i];
      }
    }
    return {{"balance", all / static_cast<double>(loads.size())}};
  }
};

/// As many as it takes for their scores to sum to more than `above`, raw weights, and beta times an entropy: of every
/// token, or, negative, of the mean.
struct hmoe_top_p_equations : hmoe_equations {
  double above = 0.6, beta = 0.03;
  bool of_mean = false;
  std::vector<naive::number> entropies;

  explicit hmoe_top_p_equations(const std::vector<std::size_t>& of_a_layer) : hmoe_equations(of_a_layer) {
    renormalised = false;
  }
  std::vector<int> choose(const naive::call& at, const naive::vec& p) override {
    std::vector<int> all;
    double sum = 0;
    for (const int i : naive::largest(p, p.size()))
      if (sum <= above) {
        all.push_back(i);
        sum += p[static_cast<std::size_t>(i)].value();
      }
    entropies.resize(at.layer + 1);
    for (const naive::number& q : p)
      entropies.back() += number_of(-1.0 / static_cast<double>(at.x.size())) * q * log(q);
    return all;
  }
  static naive::number number_of(double v) { return v; }
  std::map<std::string, naive::number> losses() override {
    naive::number all = hmoe_equations::losses().at("balance");
    for (std::size_t l = 0; l < loads.size(); ++l) {
      naive::number of_layer = entropies[l];
      if (of_mean) {
        of_layer = 0;
        for (const naive::number& q : loads[l].mean) of_layer += q * log(q);
      }
      all += number_of(beta / static_cast<double>(loads.size())) * of_layer;
    }
    return {{"balance", all}};
  }
};

double hmoe_balance(const card_case& c) {
  return losses_of(*model_of<GMOE_TEST_BACKEND<double>>(c), text(c.batch, c.sequence, c.shape.vocab), c.training)
      .balance.value()
      .item();
}

}  // namespace

TEST_CASE("cards/hmoe: its equations, differences, and token by token") {
  card_case c{.card = "hmoe"};  // widths around 12, the widest 2.5 times the narrowest
  const auto found = check_equations(c, hmoe_equations({7, 10, 14, 17}));
  CHECK(found.routings[1].pool->widths == std::vector<index_t>{7, 10, 14, 17});
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "4"}, {"experts.ratio", "23"}};
  hmoe_equations all({1, 8, 16, 23});
  all.k = 4;
  all.alpha = 0.4;
  check_equations(c, all);
  c.training = false;
  check_equations(c, all);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/hmoe: as many experts as it takes") {
  card_case c{.card = "hmoe-top-p"};
  const auto found = check_equations(c, hmoe_top_p_equations({7, 10, 14, 17}));
  std::vector<bool> counts(5);  // tokens differ in how many they take
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    for (std::size_t t = 0; t < 10; ++t)
      counts[4 - static_cast<std::size_t>(std::count(kept.begin() + static_cast<std::ptrdiff_t>(4 * t),
                                                     kept.begin() + static_cast<std::ptrdiff_t>(4 * t + 4),
                                                     gmoe::no_choice))] = true;
  }
  CHECK(std::count(counts.begin(), counts.end(), true) > 1);
  c.set = {{"balance.load.alpha", "0.4"},
           {"balance.entropy.beta", "0.3"},
           {"balance.entropy.of_what", "mean"},
           {"select.above", "0.8"}};
  hmoe_top_p_equations mean({7, 10, 14, 17});
  mean.alpha = 0.4;
  mean.beta = 0.3;
  mean.above = 0.8;
  mean.of_mean = true;
  check_equations(c, mean);
  c.training = false;
  check_equations(c, mean);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/hmoe: with equal widths the penalty is Switch's loss times the experts per token") {
  const card_case equal{.card = "hmoe", .set = {{"experts.ratio", "1"}, {"balance.alpha", "0.3"}}},
      standard{.card = "smoe", .set = {{"balance.alpha", "0.6"}}};
  check_same(equal, standard);
}

TEST_CASE("cards/hmoe: a wide expert costs more than a narrow one") {
  // All tokens at one expert: the penalty is k N m_e / mean m P_e, with its own P; compare by what v alone does.
  card_case c{.card = "hmoe", .set = {{"select.k", "4"}}};  // f is the same for all experts
  const double by_width = hmoe_balance(c);
  c.set.push_back({"balance.by_width", "false"});
  const double without = hmoe_balance(c);
  CHECK(without == doctest::Approx(0.1 * 4).epsilon(1e-12));  // 0.1 N sum of 1 P
  CHECK(by_width != doctest::Approx(without).epsilon(1e-3));
}

TEST_CASE("cards/hmoe: edges, one expert, two, and numbers that do not fit") {
  card_case c{.card = "hmoe", .set = {{"select.k", "1"}}};
  c.shape.experts = 1;
  hmoe_equations alone({12});
  alone.k = 1;
  check_equations(c, alone);
  c.set = {};
  c.shape.experts = 2;
  c.shape.d_ff = 7;
  check_equations(c, hmoe_equations({4, 10}));
  c.set = {{"experts.ratio", "30"}};
  CHECK(refusal(c) == "experts.ratio = 30 leaves no hidden unit to the narrowest of experts with d_ff = 7 on average");
  CHECK(config_message([&] {
          card_of({.card = "hmoe", .set = {{"experts.ratio", "0.5"}}});
        }).find("experts.ratio") != std::string::npos);
}
