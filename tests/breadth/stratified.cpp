// Experts in strata (Xu et al. 2023): a token goes through them until its best expert is one of the last stratum. Each
// round is a routing of the tokens that are still on their way, by a gate of its own, over the strata that lie ahead.
#include <numeric>

#include "breadth/check.hpp"
#include "gmoe/ops/rows_by_id.hpp"
#include "naive.hpp"

using namespace gmoe;

namespace {

index_t round_of(const auto& at) { return at.earlier().back().number; }  // the routing that is being made

struct gate_of_round {
  using slot = slots::router;
  template <class B>
  struct layer {
    std::vector<parameter<B>> gates;  // a round each, N x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> my;
    for (index_t r = 0; r < l.experts; ++r)
      my.gates.push_back(make.scope("gate", r).normal("w", l.experts, l.d_model, l.initializer_range));
    return my;
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return matmul(x, at.use(my.layer.gates[static_cast<std::size_t>(round_of(at))]), op::transpose);
  }
};

struct ahead {
  using slot = slots::candidates;
  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>& r) const {
    std::vector<typename B::scalar> open(static_cast<std::size_t>(r.experts), 1);
    std::fill_n(open.begin(), round_of(at), 0);
    return matrix<B>::from_host(open, 1, r.experts);
  }
};

/// u <- u + MoE(u) for the tokens on their way. Every expert is a stratum.
struct stratified {
  using slot = slots::form;
  index_t routings(const layer_shape& l) const { return l.experts; }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    std::vector<index_t> next(static_cast<std::size_t>(x.rows()));  // stratum that each token asks
    variable<B> u = x;
    for (index_t s = 0; s < at.layer.experts; ++s) {
      std::vector<id_type> here;
      for (std::size_t t = 0; t < next.size(); ++t)
        if (next[t] == s) here.push_back(static_cast<id_type>(t));
      const auto rows = id_matrix<B>::from_host(here, 1, std::ssize(here));
      const variable<B> v = take_rows(u, rows);
      const routing<B>& r = parts.route(at.round(s), v, rows);
      u = add_rows(u, parts.experts(at, v, r), rows);
      const std::vector<id_type> chosen = r.chosen.to_host();
      for (std::size_t i = 0; i < here.size(); ++i)
        next[static_cast<std::size_t>(here[i])] = 1 + chosen[i * static_cast<std::size_t>(r.chosen.cols())];
    }
    return subtract(u, x);
  }
};

}  // namespace

TEST_CASE("breadth/stratified: gradients, fewer tokens in every round, and what a loop over tokens gives") {
  using B = gmoe_test::model_backend;
  using card = with<smoe_card, gate_of_round, ahead, stratified>;
  const auto found = gmoe_test::check_gradients_of<card>();
  REQUIRE(found.routings.size() == 2 * 4);
  for (const auto& r : found.routings) {
    CHECK(r.rows->size() == r.chosen.rows());
    if (r.number == 0) CHECK(r.rows->size() == 2 * 5);
  }

  sizes s = gmoe_test::small_sizes();
  s.layers = 1;
  moe_stack<card, B> moe(s, 3);
  for (parameter<B>* p : moe.parameters()) B::fill_uniform(p->value().view(), -1, 1, random_stream(4).fork(p->name()));
  const std::size_t d = 8, m = 12, n = 4;
  for (const index_t tokens : {9, 0}) {
    const gmoe_test::table x = gmoe_test::random_table(tokens, s.d_model, 5);
    auto pass = moe.begin({});
    const auto y = moe(pass, 0, variable<B>(gmoe_test::put<B>(x))).value().to_host();
    std::vector<index_t> visits(n);
    for (index_t t = 0; t < tokens; ++t) {
      std::vector<double> u(d);
      for (std::size_t c = 0; c < d; ++c) u[c] = x(t, static_cast<index_t>(c));
      for (std::size_t at = 0; at < n;) {
        ++visits[at];
        const auto gate = moe.mine<slots::router>(0).layer.gates[at].value().to_host();
        std::vector<std::pair<double, std::size_t>> best;  // e^z, expert
        for (std::size_t e = at; e < n; ++e)
          best.emplace_back(std::exp(std::inner_product(u.begin(), u.end(), gate.begin() + e * d, 0.0)), e);
        std::sort(best.rbegin(), best.rend());
        best.resize(std::min<std::size_t>(2, best.size()));
        double total = 0;
        for (const auto& [p, e] : best) total += p;
        const std::vector<double> before = u;
        for (const auto& [p, e] : best)
          for (std::size_t h = e * m; h < (e + 1) * m; ++h) {
            const auto w_in = moe.bank().w_in().value().to_host(), w_out = moe.bank().w_out().value().to_host();
            const double a = std::inner_product(before.begin(), before.end(), w_in.begin() + h * d, 0.0);
            for (std::size_t c = 0; c < d; ++c) u[c] += p / total * std::max(a, 0.0) * w_out[h * d + c];
          }
        at = best[0].second + 1;
      }
      for (std::size_t c = 0; c < d; ++c)
        CHECK(y[static_cast<std::size_t>(t) * d + c] ==
              doctest::Approx(u[c] - x(t, static_cast<index_t>(c))).epsilon(1e-7));
    }
    for (std::size_t r = 0; r < n; ++r) CHECK(pass.found().routings[r].chosen.rows() == visits[r]);
    CHECK(bool(pass.loss()) == (tokens > 0));  // no tokens, no loss
  }
}
