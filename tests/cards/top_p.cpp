// As many experts as it takes, and a loss on the entropy of the scores.
#include <set>

#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {

using naive::mat;

struct top_p_equations : naive::paired_mixture {
  double tau = 0.4, alpha = 0.01, beta = 1e-4;
  naive::vec terms{};

  pairs choose(const naive::call&, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    pairs all(z.size());
    naive::number entropy;
    for (std::size_t t = 0; t < z.size(); ++t) {
      double sum = 0;
      for (const int c : naive::largest(p[t], experts)) {
        const auto e = static_cast<std::size_t>(c);
        if (sum > tau) break;
        sum += p[t][e].value();
        all[t].push_back({e, p[t][e]});
      }
      for (const auto& v : p[t]) entropy += naive::number(-1 / static_cast<double>(z.size())) * v * log(v);
    }
    terms.push_back(naive::number(alpha) * naive::switch_term(all, p) + naive::number(beta) * entropy);
    return all;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace

TEST_CASE("cards/top-p: its equations, differences, and token by token") {
  card_case c{.card = "top-p"};
  check_equations(c, top_p_equations{});
  check_reading(c);
  top_p_equations other;
  other.tau = 0.75;
  other.alpha = 0.3;
  other.beta = 0.2;
  c.set = {{"select.above", "0.75"}, {"balance.switch.alpha", "0.3"}, {"balance.entropy.beta", "0.2"}};
  const auto found = check_equations(c, other);
  std::set<index_t> counts;  // tokens differ in how many experts they take
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    for (std::size_t t = 0; t < kept.size(); t += 4) {
      const auto first = kept.begin() + static_cast<std::ptrdiff_t>(t);
      counts.insert(4 - std::count(first, first + 4, gmoe::no_choice));
    }
  }
  CHECK(counts.size() >= 3);
  c.training = false;
  check_equations(c, other);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  for (const bool training : {true, false}) check_padding(*model, training);
}

TEST_CASE("cards/top-p: nothing is enough at once for one expert, and all for everybody") {
  top_p_equations one, all;
  one.tau = 0;  // the best expert, raw
  all.tau = 1;  // a dense mixture
  check_equations({.card = "top-p", .set = {{"select.above", "0"}}}, one);
  check_equations({.card = "top-p", .set = {{"select.above", "1"}}}, all);
  card_case single{.card = "top-p"};
  single.shape.experts = 1;
  top_p_equations alone;
  alone.experts = 1;
  check_equations(single, alone);
  CHECK_THROWS_WITH_AS(card_of({.card = "top-p", .set = {{"select.above", "1.5"}}}),
                       "select.above is 1.5, expected [0, 1]", gmoe::config_error);
}
