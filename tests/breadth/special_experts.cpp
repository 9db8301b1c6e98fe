// Experts that cost nothing among ordinary ones (MoE++, Jin et al. 2024; AdaMoE, Zeng et al. 2024): some give nothing,
// some give x back, some a mixture of x and a learned vector; the balance loss lets them be asked more often.
#include "gmoe/moe/body/special_experts.hpp"

#include <numeric>

#include "breadth/check.hpp"
#include "gmoe/model/accounting.hpp"
#include "naive.hpp"

using namespace gmoe;

namespace {

using enum expert_kind;
constexpr expert_kind kinds[] = {constant, ordinary, copy, ordinary, none, constant};

/// Six experts for each layer, of which two are ordinary.
struct mixed_pool {
  using slot = slots::experts;
  index_t total(const sizes&, index_t moe_layers) const { return 6 * moe_layers; }
  std::vector<id_type> visible(const sizes&, index_t layer) const {
    std::vector<id_type> ids(6);
    std::iota(ids.begin(), ids.end(), static_cast<id_type>(6 * layer));
    return ids;
  }
  expert_kind kind(const sizes&, index_t e) const { return kinds[e % 6]; }
};

/// alpha N sum_i eta_i f_i P_i, eta = 1 for ordinary experts, tau for the others.
struct cheap_ones_may_be_busy {
  using slot = slots::balance;
  double alpha = 0.3, tau = 0.75;
  static constexpr auto fields = std::tuple{
      field{"alpha", &cheap_ones_may_be_busy::alpha, "coefficient of the balance loss", at_least(0)},
      field{"tau", &cheap_ones_may_be_busy::tau, "share of it for experts that compute nothing", between(0, 1)}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    std::vector<typename B::scalar> eta;
    for (const expert_kind k : r.pool->kinds) eta.push_back(k == ordinary ? 1 : tau);
    const variable<B> weighted = multiply(variable<B>(matrix<B>::from_host(eta, 1, r.experts)), chosen_fractions(r));
    return scale(dot(col_means(r.scores), weighted), alpha * static_cast<double>(r.experts));
  }
};

using moe_plus_plus = with<smoe_card, mixed_pool, special_experts<relu_expert>, selected_score, cheap_ones_may_be_busy>;

}  // namespace

TEST_CASE("breadth/special_experts: gradients; experts of every kind are asked") {
  std::set<id_type> asked;
  for (const auto& r : gmoe_test::check_gradients_of<moe_plus_plus>().routings)
    for (const id_type e : r.chosen.to_host()) asked.insert(e);
  CHECK(asked.size() == 6);
}

TEST_CASE("breadth/special_experts: what a loop over tokens gives, with one expert alone and with all") {
  using B = gmoe_test::model_backend;
  sizes s = gmoe_test::small_sizes();
  s.layers = 2;  // the second layer's experts are not the pool's first
  const std::size_t d = 8, m = 12;
  for (const index_t k : {1, 2, 6}) {
    moe_stack<moe_plus_plus, B> moe(s, gmoe::card<moe_plus_plus>(top_k{.k = k}));
    for (parameter<B>* p : moe.parameters())
      B::fill_uniform(p->value().view(), -1, 1, random_stream(4).fork(p->name()));
    const auto of = [](const auto& p) { return p.value().to_host(); };
    const auto& bank = std::as_const(moe).bank();
    const auto w_in = of(bank.ordinary.w_in()), w_out = of(bank.ordinary.w_out()), mix = of(*bank.mix),
               value = of(*bank.value), gate = of(moe.mine<slots::router>(1).layer.gate);
    const gmoe_test::table x = gmoe_test::random_table(12, s.d_model, 5);
    auto pass = moe.begin({});
    moe(pass, 0, variable<B>(gmoe_test::put<B>(x)));
    const auto y = moe(pass, 1, variable<B>(gmoe_test::put<B>(x))).value().to_host();
    for (std::size_t t = 0; t < 12; ++t) {
      const double* const u = x.values.data() + t * d;
      const auto times = [&](const std::vector<double>& w, std::size_t row) {
        return std::inner_product(u, u + d, w.begin() + static_cast<std::ptrdiff_t>(row * d), 0.0);
      };
      std::vector<std::pair<double, std::size_t>> best;  // e^z, expert
      double total = 0;
      for (std::size_t e = 0; e < 6; ++e) total += best.emplace_back(std::exp(times(gate, e)), e).first;
      std::sort(best.rbegin(), best.rend());
      std::vector<double> expected(d);
      for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j) {
        const auto [p, e] = best[j];
        const std::size_t o = 2 + (e == 3), c = 2 + (e == 5);  // the pool's third or fourth ordinary one, or constant
        const double a = 1 / (1 + std::exp(times(mix, 2 * c + 1) - times(mix, 2 * c)));
        for (std::size_t i = 0; i < d; ++i) {
          double one = 0;
          if (kinds[e] == copy) one = u[i];
          if (kinds[e] == constant) one = a * u[i] + (1 - a) * value[c * d + i];
          if (kinds[e] == ordinary)
            for (std::size_t h = o * m; h < (o + 1) * m; ++h) one += std::max(times(w_in, h), 0.0) * w_out[h * d + i];
          expected[i] += p / total * one;
        }
      }
      for (std::size_t i = 0; i < d; ++i) CHECK(y[t * d + i] == doctest::Approx(expected[i]).epsilon(1e-9));
    }
  }
}

TEST_CASE("breadth/special_experts: what a routing knows of its pool, and what such experts cost") {
  using B = gmoe_test::model_backend;
  sizes s = gmoe_test::small_sizes();
  const moe_stack<moe_plus_plus, B> moe(s);
  const seen_experts& seen = *moe.shape(1).pool;
  CHECK(seen.ids == moe.visible(1));
  CHECK(seen.widths == std::vector<index_t>{0, 12, 0, 12, 0, 0});
  CHECK(seen.kinds == std::vector<expert_kind>(kinds, kinds + 6));
  CHECK(seen.exposure == std::vector<index_t>(6, 1));
  CHECK(seen.of(constant).ids == std::vector<id_type>{6, 11});
  // Per layer: two ordinary experts of 2 d m numbers, two constants of 3 d; a token meets two of the six on average.
  CHECK(cost_of<moe_plus_plus>(s).experts == 3 * (2 * 2 * 8 * 12 + 2 * 3 * 8));
  const model_cost all = cost_of<moe_plus_plus>(s), only = cost_of<with<moe_plus_plus, layer_pool, relu_expert>>(s);
  CHECK(all.active - only.active == 3 * ((2 * 2 * 8 * 12 + 2 * 3 * 8) * 2 / 6 - 2 * 2 * 8 * 12));
  CHECK(gmoe_test::config_message([&] { moe_stack<with<moe_plus_plus, relu_expert>, B>{s}; }) ==
        "expert 0 of the pool is of the kind 'constant', but the card's body computes ordinary experts alone: it takes "
        "special_experts<...>");
}
