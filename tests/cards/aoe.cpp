// Experts that say themselves how strongly they react, against their equations.
#include "cards/scoring_equations.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

namespace {

/// E(x) = W_out' (silu(W_up a) * (W_in x)), a = W_down x, chosen by |a|.
struct aoe_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2, rank = 2;
  double alpha = 0.01;
  std::vector<naive::number> balance{};

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const naive::weight& down = at.w.at("router." + std::to_string(at.layer) + ".w_down");
    const auto tokens = static_cast<double>(at.x.size());
    naive::vec mean(experts);
    std::vector<double> f(experts, 0);
    naive::mat y;
    for (const naive::vec& x : at.x) {
      naive::mat a;
      naive::vec z, out(x.size());
      for (std::size_t e = 0; e < experts; ++e) {
        a.push_back(naive::rows_times(down, x, e * rank, rank));
        z.push_back(sqrt(dot_of(a[e], a[e]) + 1e-12));
      }
      const naive::vec p = naive::softmax(z);
      const std::vector<int> chosen = naive::largest(p, k);
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c), first = (at.layer * experts + e) * width;
        const naive::vec gate = naive::rows_times(at.w.at("experts.w_up"), a[e], first, width);
        const naive::vec in = naive::rows_times(at.w.at("experts.w_in"), x, first, width);
        for (std::size_t u = 0; u < width; ++u)
          for (std::size_t i = 0; i < x.size(); ++i)
            out[i] += p[e] * gate[u] * sigmoid(gate[u]) * in[u] * at.w.at("experts.w_out")(first + u, i);
        f[e] += 1 / (tokens * static_cast<double>(k));
      }
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / tokens;
      record.chosen.push_back(chosen);
      y.push_back(out);
    }
    record.kept = record.chosen;
    naive::number loss;
    for (std::size_t e = 0; e < experts; ++e)
      loss += naive::number(alpha * static_cast<double>(experts) * f[e]) * mean[e];
    balance.push_back(loss);
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

}  // namespace

TEST_CASE("cards/aoe: its equations, differences, token by token") {
  card_case c{.card = "aoe"};
  check_equations(c, aoe_equations{});
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "4"}};
  aoe_equations all;
  all.alpha = 0.4;
  all.k = 4;
  check_equations(c, all);
  c.training = false;
  check_equations(c, all);
  check_reading(c);
  c.training = true;
  c.shape.layers = 2;
  c.set[1].second = "1";
  check_gradients(c);
  c.shape.experts = 1;
  c.shape.d_model = 6;  // a rank of one
  all.experts = all.k = all.rank = 1;
  check_equations(c, all);
}

TEST_CASE("cards/aoe: equal reactions are an average of the pool") {
  using B = model_backend;
  const auto model = model_of<B>({.card = "aoe", .set = {{"select.k", "4"}}});
  model->each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("w_down")) p.value() = gmoe::matrix<B>::filled(p.rows(), p.cols(), 0.5);
  });
  for (const auto& r : losses_of(*model, text(2, 5, 11), true).found.routings)
    for (const double w : r.weights.value().to_host()) CHECK(w == doctest::Approx(0.25));
}

TEST_CASE("cards/aoe: what it costs") {
  const gmoe::sizes s = small_sizes();  // r = 2
  const auto cost = gmoe::cost_of<gmoe::aoe_card>(s);
  CHECK(cost.experts == 3 * 4 * 12 * (2 + 2 * 8));
  CHECK(cost.router == 3 * 4 * 2 * 8);
  CHECK(cost.multiply_adds == gmoe::cost_of<gmoe::smoe_card>(s).multiply_adds - 3 * 4 * 8 - 3 * 2 * 2 * 12 * 8 +
                                  3 * 4 * 2 * 8 + 3 * 2 * 12 * (2 + 2 * 8));
}
