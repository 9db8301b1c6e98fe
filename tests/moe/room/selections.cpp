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
struct own_expert_choice {
  using slot = slots::select;
  double factor = 1;  ///< c
  static constexpr auto fields =
      std::tuple{field{"factor", &own_expert_choice::factor, "experts per token, on average", above(0)}};

  index_t at_most(const layer_shape& l) const { return l.experts; }
  double experts_per_token(const layer_shape&) const { return factor; }

  template <class Backend>
  id_matrix<Backend> choose(const place<Backend>&, const routing<Backend>& r) const {
    using scalar = typename Backend::scalar;
    const index_t tokens = r.scores.rows(), experts = r.scores.cols();
    const index_t room = expert_capacity(factor, 1, tokens, experts, gmoe::room::exact);
    std::vector<scalar> identity(static_cast<std::size_t>(experts * experts), 0);
    for (index_t e = 0; e < experts; ++e) identity[static_cast<std::size_t>(e * experts + e)] = 1;
    const auto unit = matrix<Backend>::from_host(identity, experts, experts);
    matrix<Backend> by_expert(experts, tokens);
    Backend::gemm(op::none, op::transpose, 1, unit.view(), r.scores.value().view(), 0, by_expert.view());
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

/// Loss-free balancing (Wang et al. 2024) around any selection: a bias per expert that only the selection sees, moved
/// by `rate` after every optimiser step towards an even load. Saved with the model.
template <class Select>
struct biased {
  using slot = slots::select;
  Select of{};
  double rate = 0.01;
  static constexpr auto fields =
      std::tuple{field{"rate", &biased::rate, "how far a bias moves in a step", at_least(0)}};

  template <class Backend>
  struct layer {
    buffer<Backend> bias;
  };
  template <class Backend>
  layer<Backend> make_layer(const builder<Backend>& make, const layer_shape& l) const {
    return {make.constant_buffer("bias", 1, l.experts, 0)};
  }
  template <class Backend>
  id_matrix<Backend> choose(const place<Backend>& at, const routing<Backend>& r, const auto& my) const {
    matrix<Backend> sum(r.scores.rows(), r.scores.cols());
    Backend::map_with_row(sum.view(), 0, fn::plus{}, r.scores.value().view(), my.layer.bias.value().view());
    routing<Backend> seen = r;
    seen.scores = variable<Backend>(std::move(sum));
    return ask<hooks::choose>(of, my, at, seen);
  }
  template <class Backend>
  void after_step(std::int64_t, const layer_statistics<Backend>& all, const auto& my) const {
    matrix<Backend>& bias = my.layer.bias.value();
    std::vector<typename Backend::scalar> b = bias.to_host();
    const auto mean = static_cast<double>(all.pairs) / static_cast<double>(b.size());
    for (std::size_t e = 0; e < b.size(); ++e) {
      const auto load = static_cast<double>(all.load[e]);
      b[e] += load < mean ? rate : load > mean ? -rate : 0;
    }
    Backend::upload(bias.data(), b.data(), b.size() * sizeof(b[0]));
  }
};

/// More experts per token in the first steps (as in Sigma-MoE-Tiny).
struct shrinking_k {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 4; }
  template <class Backend>
  id_matrix<Backend> choose(const place<Backend>& at, const routing<Backend>& r) const {
    return top_k{.k = at.step < 10 ? 4 : at.step < 20 ? 2 : 1}.choose(at, r);
  }
};

std::vector<index_t> load_of(const routing<B>& r) {
  std::vector<index_t> load(4, 0);
  for (id_type e : r.chosen.to_host())
    if (e != no_choice) ++load[static_cast<std::size_t>(e)];
  return load;
}

}  // namespace

TEST_CASE("moe/room: experts choose tokens") {
  using card = with<smoe_card, own_expert_choice, selected_score, no_balance>;
  sizes s = gmoe_test::small_sizes();
  const card two{.select = {.factor = 2}};
  language_model<card, B> model(s, two);
  gmoe_test::randomise(model, 3);
  const losses<B> l = gmoe_test::losses_of(model, text(2, 5, s.vocab), true);
  CHECK(l.found.routings.size() == 3);
  for (const routing<B>& r : l.found.routings) {
    CHECK(load_of(r) == std::vector<index_t>(4, 5));  // floor(2 * 10 / 4), exactly even
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
  language_model<card, B> narrow(s, two);
  gmoe_test::randomise(narrow, 3);
  CHECK(gmoe_test::differences(narrow, text(2, 4, s.vocab), true).worst < 1e-7);
  // Two experts of 2 d m each per token, on average.
  CHECK(cost_of<card>(s, two).active == (s.vocab + s.positions) * 4 + 3 * (4 * 16 + 2 * 2 * 4 * s.d_ff));

  s.experts = 1;
  const language_model<card, B> one(s);  // one expert takes every token
  CHECK(gmoe_test::losses_of(one, text(2, 5, s.vocab), true).found.routings[0].chosen.to_host() ==
        std::vector<id_type>(10, 0));
}

TEST_CASE("moe/room: a bias evens out the load without a loss") {
  using card = with<smoe_card, biased<top_k>, no_balance>;
  const sizes s = gmoe_test::small_sizes();
  const text t(6, 7, s.vocab);
  language_model<card, B> model(s, {.select = {.of = {.k = 2}}});
  language_model<with<smoe_card, no_balance>, B> plain(s);
  CHECK(language_model<card, B>::hears_steps);
  CHECK_FALSE(language_model<smoe_card, B>::hears_steps);
  gmoe_test::randomise(model);
  gmoe_test::randomise(plain);
  CHECK(gmoe_test::losses_of(model, t, true).total.value().item() ==
        gmoe_test::losses_of(plain, t, true).total.value().item());  // a bias of zero is none

  const auto largest = [&] {
    index_t most = 0;
    for (const routing<B>& r : gmoe_test::losses_of(model, t, true).found.routings)
      for (index_t n : load_of(r)) most = std::max(most, n);
    return most;
  };
  const index_t before = largest();
  const std::vector<index_t> load = load_of(gmoe_test::losses_of(model, t, true).found.routings[0]);
  const auto step = [&](std::int64_t number) {
    step_statistics<B> all;
    all.add(gmoe_test::losses_of(model, t, true).found);
    model.after_step(number, all);
  };
  step(1);
  const auto bias = model.moe().mine<slots::select>(0).layer.bias.value().to_host();
  for (std::size_t e = 0; e < 4; ++e) CHECK(bias[e] == (load[e] < 21 ? 0.01 : load[e] > 21 ? -0.01 : 0.0));
  for (int i = 2; i < 302; ++i) step(i);
  CHECK(before > 30);
  CHECK(largest() < 26);
  // The bias chooses; the weights are still those of the scores.
  const losses<B> after = gmoe_test::losses_of(model, t, true);
  const routing<B>& r = after.found.routings[0];
  const auto p = r.scores.value().to_host(), w = r.weights.value().to_host();
  const auto chosen = r.chosen.to_host();
  for (std::size_t i = 0; i < chosen.size(); i += 2) {
    const double a = p[2 * i + static_cast<std::size_t>(chosen[i])],
                 b = p[2 * i + static_cast<std::size_t>(chosen[i + 1])];
    CHECK(w[i] == doctest::Approx(a / (a + b)).epsilon(1e-8));
  }
  CHECK(gmoe_test::differences(model, text(1, 3, s.vocab), true).worst < 1e-7);

  std::vector<std::string> names;
  model.each_buffer([&](buffer<B>& b) {
    names.push_back(b.name());
    CHECK(b.value().size() == 4);
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
    for (const auto& r : model.loss(ctx, data).found.routings) CHECK(r.chosen.cols() == k);
  }
}
