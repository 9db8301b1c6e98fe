// Room for other selections: experts that choose tokens, a bias that evens out the load, and a schedule.
#include <doctest/doctest.h>

#include "gmoe/model/accounting.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

/// Expert choice (Zhou et al. 2022): every expert takes the floor(c T / N) tokens that score highest for it, so that a
/// token gets 0 to N experts. One slot per expert.
struct expert_choice : select_policy {
  static index_t slots(const sizes& s) { return s.experts; }
  static double experts_per_token(const sizes& s) { return s.capacity_factor; }

  template <class Backend>
  static id_matrix<Backend> choose(const context<Backend>&, const sizes& s, const variable<Backend>& scores) {
    using scalar = typename Backend::scalar;
    const index_t tokens = scores.rows(), experts = scores.cols();
    const index_t room = expert_capacity(s.capacity_factor, 1, tokens, experts, gmoe::room::exact);
    std::vector<scalar> identity(static_cast<std::size_t>(experts * experts), 0);
    for (index_t e = 0; e < experts; ++e) identity[static_cast<std::size_t>(e * experts + e)] = 1;
    const auto unit = matrix<Backend>::from_host(identity, experts, experts);
    matrix<Backend> by_expert(experts, tokens);
    Backend::gemm(op::none, op::transpose, 1, unit.view(), scores.value().view(), 0, by_expert.view());
    id_matrix<Backend> best(experts, room);
    Backend::top_k_rows(best.view(), std::as_const(by_expert).view());
    const auto tokens_of = best.to_host();
    std::vector<id_type> chosen(static_cast<std::size_t>(tokens * experts), no_choice);
    for (index_t e = 0; e < experts; ++e)
      for (index_t i = 0; i < room; ++i)
        chosen[static_cast<std::size_t>(tokens_of[static_cast<std::size_t>(e * room + i)] * experts + e)] =
            static_cast<id_type>(e);
    return id_matrix<Backend>::from_host(chosen, tokens, experts);
  }
};

/// Loss-free balancing (Wang et al. 2024): a bias per expert that only the selection sees, moved by `step` after every
/// optimiser step towards an even load. Saved with the model.
template <int K>
struct biased_top_k : select_policy {
  static constexpr double step = 0.01;
  static index_t slots(const sizes& s) { return top_k<K>::slots(s); }

  template <class Backend>
  struct layer {
    parameter<Backend> bias;
    layer(const builder<Backend>& make, const sizes&, const layer_shape& l)
        : bias(make.constant("bias", 1, l.experts, 0)) {}

    id_matrix<Backend> choose(const context<Backend>& ctx, const sizes& s, const variable<Backend>& scores) {
      matrix<Backend> sum(scores.rows(), scores.cols());
      Backend::map_with_row(sum.view(), 0, fn::plus{}, scores.value().view(), std::as_const(bias).value().view());
      return top_k<K>::choose(ctx, s, variable<Backend>(std::move(sum)));
    }
    void after_step(const sizes&, const routing_statistics& all) {
      std::vector<typename Backend::scalar> b = bias.value().to_host();
      const auto mean = static_cast<double>(all.pairs) / static_cast<double>(b.size());
      for (std::size_t e = 0; e < b.size(); ++e) {
        const auto load = static_cast<double>(all.load[e]);
        b[e] += load < mean ? step : load > mean ? -step : 0;
      }
      Backend::upload(bias.value().data(), b.data(), b.size() * sizeof(b[0]));
    }
    void each_buffer(auto&& visit) { visit(bias.name(), bias.value()); }
  };
};

/// More experts per token in the first steps (as in Sigma-MoE-Tiny).
struct shrinking_k : select_policy {
  static index_t slots(const sizes&) { return 1; }
  template <class Backend>
  static id_matrix<Backend> choose(const context<Backend>& ctx, const sizes& s, const variable<Backend>& scores) {
    sizes now = s;
    now.top_k = ctx.step < 10 ? 4 : ctx.step < 20 ? 2 : 1;
    return top_k<1>::choose(ctx, now, scores);
  }
};

template <class Model>
std::vector<index_t> load_of(const Model& model, std::size_t layer) {
  std::vector<index_t> load(4, 0);
  for (id_type e : model.routings()[layer].chosen.to_host())
    if (e != no_choice) ++load[static_cast<std::size_t>(e)];
  return load;
}

}  // namespace

TEST_CASE("moe/room: experts choose tokens") {
  using card = with<smoe_card, expert_choice, selected_score, no_balance>;
  sizes s = gmoe_test::small_sizes();
  s.capacity_factor = 2;
  language_model<card, B> model(s);
  gmoe_test::randomise(model, 3);
  gmoe_test::losses_of(model, text(2, 5, s.vocab), true);
  for (std::size_t l = 0; l < 3; ++l) {
    const routing<B>& r = model.routings()[l];
    CHECK(load_of(model, l) == std::vector<index_t>(4, 5));  // floor(2 * 10 / 4), exactly even
    const auto p = r.scores.value().to_host(), w = r.weights.value().to_host();
    const auto chosen = r.chosen.to_host();
    for (std::size_t e = 0; e < 4; ++e) {
      double worst_in = 1, best_out = 0;
      for (std::size_t t = 0; t < 10; ++t) {
        const bool in = chosen[4 * t + e] == static_cast<id_type>(e);
        if (in)
          worst_in = std::min(worst_in, p[4 * t + e]);
        else
          best_out = std::max(best_out, p[4 * t + e]);
        CHECK(w[4 * t + e] == (in ? p[4 * t + e] : 0.0));
      }
      CHECK(worst_in >= best_out);
    }
  }
  s.d_model = 4;
  language_model<card, B> narrow(s);
  gmoe_test::randomise(narrow, 3);
  CHECK(gmoe_test::differences(narrow, text(2, 4, s.vocab), true).worst < 1e-7);
  // Two experts of 2 d m each per token, on average.
  CHECK(cost_of<card>(s).active == (s.vocab + s.positions) * 4 + 3 * (4 * 16 + 2 * 2 * 4 * s.d_ff));

  s.experts = 1;
  s.capacity_factor = 1;
  language_model<card, B> one(s);  // one expert takes every token
  gmoe_test::losses_of(one, text(2, 5, s.vocab), true);
  CHECK(one.routings()[0].chosen.to_host() == std::vector<id_type>(10, 0));
}

TEST_CASE("moe/room: a bias evens out the load without a loss") {
  using card = with<smoe_card, biased_top_k<2>, no_balance>;
  const sizes s = gmoe_test::small_sizes();
  const text t(6, 7, s.vocab);
  language_model<card, B> model(s);
  language_model<with<smoe_card, no_balance>, B> plain(s);
  gmoe_test::randomise(model);
  gmoe_test::randomise(plain);
  CHECK(gmoe_test::losses_of(model, t, true).total.value().item() ==
        gmoe_test::losses_of(plain, t, true).total.value().item());  // a bias of zero is none

  const auto largest = [&] {
    index_t most = 0;
    for (std::size_t l = 0; l < 3; ++l)
      for (index_t n : load_of(model, l)) most = std::max(most, n);
    return most;
  };
  const index_t before = largest();
  const std::vector<index_t> load = load_of(model, 0);
  model.after_step();
  const auto bias = model.blocks()[0].moe->select().bias.value().to_host();
  for (std::size_t e = 0; e < 4; ++e) CHECK(bias[e] == (load[e] < 21 ? 0.01 : load[e] > 21 ? -0.01 : 0.0));
  for (int step = 0; step < 300; ++step) {
    gmoe_test::losses_of(model, t, true);
    model.after_step();
  }
  gmoe_test::losses_of(model, t, true);
  CHECK(before > 30);
  CHECK(largest() < 26);
  // The bias chooses; the weights are still those of the scores.
  const routing<B>& r = model.routings()[0];
  const auto p = r.scores.value().to_host(), w = r.weights.value().to_host();
  const auto chosen = r.chosen.to_host();
  for (std::size_t i = 0; i < chosen.size(); i += 2) {
    const double a = p[2 * i + static_cast<std::size_t>(chosen[i])],
                 b = p[2 * i + static_cast<std::size_t>(chosen[i + 1])];
    CHECK(w[i] == doctest::Approx(a / (a + b)).epsilon(1e-8));
  }
  CHECK(gmoe_test::differences(model, text(1, 3, s.vocab), true).worst < 1e-7);

  std::vector<std::string> names;
  model.each_buffer([&](const std::string& name, matrix<B>& value) {
    names.push_back(name);
    CHECK(value.size() == 4);
  });
  CHECK(names == std::vector<std::string>{"h.0.moe.select.bias", "h.1.moe.select.bias", "h.2.moe.select.bias"});
  for (parameter<B>* p : model.parameters()) CHECK(p->name().find("select") == std::string::npos);
}

TEST_CASE("moe/room: a schedule over the optimiser's steps") {
  language_model<with<smoe_card, shrinking_k>, B> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  const batch<B> data = text(2, 5, 11).on<B>(11);
  for (const auto& [step, k] : {std::pair<std::int64_t, index_t>{0, 4}, {9, 4}, {10, 2}, {20, 1}, {1000, 1}}) {
    context<B> ctx;
    ctx.step = step;
    model.loss(ctx, data);
    for (const auto& r : model.routings()) CHECK(r.chosen.cols() == k);
  }
}
