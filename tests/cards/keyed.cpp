// Routers that compare tokens with keys: laplace, its two levels, cosine-router, nexus, mixer and pro-moe.
#include "cards/keyed.hpp"
#include "cards/check.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

namespace {

/// Its equations with usual and other numbers, in training and not, with all experts and with one; differences, and
/// token by token.
template <class Equations>
void check_keyed(const std::string& card, const Equations& usual, std::vector<std::pair<std::string, std::string>> set,
                 const Equations& other) {
  card_case c{.card = card};
  check_equations(c, usual);
  c.set = std::move(set);
  check_equations(c, other);
  c.training = false;
  c.set.push_back({"select.k", "4"});
  Equations all = other;
  all.k = 4;
  check_equations(c, all);
  c.set.pop_back();
  check_reading(c);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
}

}  // namespace

TEST_CASE("cards/laplace: its equations, differences, token by token") {
  laplace_equations usual, other;
  other.temperature = 0.4;
  other.alpha = 0.3;
  check_keyed("laplace", usual, {{"router.similarity.temperature", "0.4"}, {"balance.alpha", "0.3"}}, other);
  card_case one{.card = "laplace", .set = {{"select.k", "1"}}};
  one.shape.experts = 1;
  usual.experts = usual.k = 1;
  check_equations(one, usual);
}

TEST_CASE("cards/laplace-hierarchical: its equations, differences, token by token") {
  laplace_equations usual, other;
  usual.groups = 2;
  other.groups = 4;
  other.alpha = 0.3;
  check_keyed("laplace-hierarchical", usual, {{"score.groups", "4"}, {"balance.alpha", "0.3"}}, other);
  card_case c{.card = "laplace-hierarchical", .set = {{"score.groups", "1"}}};
  other = {};
  other.groups = 1;
  check_equations(c, other);
  c.set[0].second = "3";
  CHECK(refusal(c) == "score.groups is 3, expected a divisor of the 4 experts that a layer sees");
}

TEST_CASE("cards/laplace: equally far is equally likely, the lower number first") {
  using B = model_backend;
  gmoe::language_model<gmoe::laplace_card, B> model(small_sizes());
  model.each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("keys")) p.value() = gmoe::matrix<B>::filled(4, 8, 0.25);
  });
  for (const auto& r : losses_of(model, text(2, 5, 11), true).found.routings) {
    for (const double p : r.scores.value().to_host()) CHECK(p == doctest::Approx(0.25));
    const auto chosen = r.chosen.to_host();
    for (std::size_t i = 0; i < chosen.size(); ++i) CHECK(chosen[i] == static_cast<id_type>(i % 2));
  }
}

TEST_CASE("cards/cosine-router: its equations, differences, token by token") {
  cosine_equations usual, other;
  usual.k = 1;
  other.alpha = 0.3;
  check_keyed("cosine-router", usual, {{"router.width", "3"}, {"balance.alpha", "0.3"}, {"select.k", "2"}}, other);
}

TEST_CASE("cards/nexus: its equations, differences, token by token") {
  nexus_equations usual, other;
  usual.shared = other.shared = true;
  other.alpha = 0.3;
  check_keyed("nexus", usual, {{"router.keys.width", "3"}, {"router.keys.hidden", "5"}, {"balance.alpha", "0.3"}},
              other);
}

TEST_CASE("cards/pro-moe: its equations, differences, token by token, padding") {
  pro_moe_equations usual, other;
  usual.shared = other.shared = true;
  other.alpha = 0.5;
  other.scale = 3;
  other.temperature = 0.7;
  check_keyed("pro-moe", usual,
              {{"router.similarity.scale", "3"}, {"balance.weight", "0.5"}, {"balance.temperature", "0.7"}}, other);
  gmoe::language_model<gmoe::pro_moe_card, model_backend> model(small_sizes());
  randomise(model);
  check_padding(model, true);
  // Only one expert that anybody asks: nothing to tell it from.
  card_case c{.card = "pro-moe", .set = {{"select.k", "1"}}};
  c.shape.experts = 1;
  usual.experts = usual.k = 1;
  for (const auto& l : check_equations(c, usual).losses) CHECK(l.value.value().item() == 0);
}

TEST_CASE("cards/mixer: the nearest centroid, which follows its tokens") {
  using B = model_backend;
  gmoe::language_model<gmoe::mixer_card, B> model(small_sizes(),
                                                  gmoe::card<gmoe::mixer_card>(gmoe::clustered_router{.rate = 0.25}));
  randomise(model);
  const text t(2, 5, 11);
  const auto centroids = [&] {
    std::vector<std::vector<double>> all;
    for (index_t l = 0; l < 3; ++l)
      all.push_back(model.moe().mine<gmoe::slots::router>(l).layer.centroids.value().to_host());
    return all;
  };
  /// Sees what enters each mixture.
  struct inputs_of : gmoe::observer<B> {
    std::vector<std::vector<double>> x;
    void see(std::string_view what, index_t, const gmoe::matrix<B>& v) override {
      if (what == "moe_in") x.push_back(v.to_host());
    }
  };
  for (int step = 0; step < 3; ++step) {
    mixer_equations equations;
    equations.k = 1;
    equations.alpha = 0;
    equations.centroids = centroids();
    compare_with_naive(model, equations, {true, true, true}, t, true);
    gmoe::step_statistics<B> seen;
    gmoe::context<B> ctx;
    ctx.training = true;
    inputs_of watch;
    ctx.observer = &watch;
    const auto found = model.loss(ctx, t.on<B>(11)).found;
    seen.add(found);
    seen.add(losses_of(model, t, true).found);  // the same twice: the same mean
    model.after_step(step, seen);
    REQUIRE(watch.x.size() == 3);
    const auto now = centroids();
    bool moved = false, rests = false;
    for (std::size_t l = 0; l < 3; ++l)
      for (std::size_t e = 0; e < 4; ++e) {
        const auto chosen = found.routings[l].chosen.to_host();
        const double load = static_cast<double>(std::count(chosen.begin(), chosen.end(), static_cast<id_type>(e)));
        (load > 0 ? moved : rests) = true;
        for (std::size_t j = 0; j < 8; ++j) {
          double mean = 0;
          for (std::size_t i = 0; i < chosen.size(); ++i)
            if (chosen[i] == static_cast<id_type>(e)) mean += watch.x[l][i * 8 + j] / load;
          const double before = equations.centroids[l][e * 8 + j];
          CHECK(now[l][e * 8 + j] == doctest::Approx(load > 0 ? before + 0.25 * (mean - before) : before));
        }
      }
    CHECK(moved);
    CHECK((rests || step > 0));
  }
  check_padding(model, true);
  card_case c{.card = "mixer"};
  check_reading(c);
  c.shape.layers = 2;
  check_gradients(c);
}
