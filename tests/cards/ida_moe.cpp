// Gaussian mixtures that decide, and are taught by nothing but their likelihood, against their equations.
#include "cards/ida_moe.hpp"
#include "cards/check.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

TEST_CASE("cards/ida-moe: its equations; what it learns from is its own") {
  card_case c{.card = "ida-moe", .set = {{"router.width", "5"}}};
  ida_equations usual;
  usual.latent = 5;
  check_equations(c, usual);
  c.training = false;
  check_equations(c, usual);
  check_reading(c);
  c.training = true;
  c.set = {{"router.width", "3"},
           {"router.components", "2"},
           {"router.likelihood", "0.4"},
           {"router.reconstruction", "0.3"},
           {"select.k", "4"}};
  ida_equations other;
  other.latent = 3;
  other.components = 2;
  other.likelihood = 0.4;
  other.reconstruction = 0.3;
  other.k = 4;
  check_equations(c, other);
  c = {.card = "ida-moe", .set = {{"router.width", "3"}, {"select.k", "1"}}};
  c.shape.experts = 1;
  other = {};
  other.latent = 3;
  other.k = other.experts = 1;
  check_equations(c, other);
  gmoe::language_model<gmoe::ida_moe_card, model_backend> model(small_sizes());
  randomise(model);
  check_padding(model, true);
}

TEST_CASE("cards/ida-moe: one Gaussian of one variance each is the nearest centroid") {
  using B = model_backend;
  const auto model = model_of<B>({.card = "ida-moe", .set = {{"router.components", "1"}, {"router.width", "4"}}});
  std::vector<double> means, encoder, bias;
  model->each_parameter([&](gmoe::parameter<B>& p) {
    if (p.name().ends_with("log_variances")) p.value() = gmoe::matrix<B>::filled(4, 4, 0.0);
    if (p.name().ends_with("shares")) p.value() = gmoe::matrix<B>::filled(1, 4, 0.0);
    if (p.name() == "router.0.means") means = p.value().to_host();
    if (p.name() == "router.0.encoder") encoder = p.value().to_host();
    if (p.name() == "router.0.encoder_bias") bias = p.value().to_host();
  });
  struct first_input : gmoe::observer<B> {
    std::vector<double> x;
    void see(std::string_view what, index_t block, const gmoe::matrix<B>& v) override {
      if (what == "moe_in" && block == 0) x = v.to_host();
    }
  } watch;
  gmoe::context<B> ctx;
  ctx.observer = &watch;
  const auto found = model->loss(ctx, text(2, 5, 11).on<B>(11)).found;
  const auto p = found.routings[0].scores.value().to_host();
  for (std::size_t t = 0; t < 10; ++t) {
    std::vector<double> weight;
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      double square = 0;
      for (std::size_t j = 0; j < 4; ++j) {
        double v = bias[j];
        for (std::size_t c = 0; c < 8; ++c) v += encoder[j * 8 + c] * watch.x[t * 8 + c];
        square += (v - means[i * 4 + j]) * (v - means[i * 4 + j]);
      }
      weight.push_back(std::exp(-square / 2));
      sum += weight.back();
    }
    for (std::size_t i = 0; i < 4; ++i) CHECK(p[t * 4 + i] == doctest::Approx(weight[i] / sum));
  }
}
