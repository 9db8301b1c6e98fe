// Gaussian mixtures that decide, and are taught by nothing but their likelihood, against their equations.
#include "cards/scoring_equations.hpp"
#include "gmoe/model/cards/scoring.hpp"

using namespace gmoe_test;

namespace {

struct ida_equations : scored_mixture {
  std::size_t components = 4, latent = 16, layers = 3;
  double likelihood = 0.01, reconstruction = 1;
  ida_equations() { alpha = 0; }

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    naive::vec seen, v, p;
    for (const naive::number& xi : x) seen.push_back(naive::constant(xi));
    v = rows_times(mine(at, "encoder"), seen);
    for (std::size_t j = 0; j < latent; ++j) v[j] += mine(at, "encoder_bias")[j];
    naive::number all_shares, total;
    for (std::size_t m = 0; m < experts * components; ++m) all_shares += exp(mine(at, "shares")[m]);
    for (std::size_t i = 0; i < experts; ++i) {
      naive::number density;
      for (std::size_t m = i * components; m < (i + 1) * components; ++m) {
        naive::number exponent;
        for (std::size_t j = 0; j < latent; ++j) {
          naive::number variance = exp(mine(at, "log_variances")(m, j));
          if (variance.value() < 1e-4) variance = 1e-4;
          const naive::number off = naive::constant(v[j]) - mine(at, "means")(m, j);
          exponent += off * off / variance + log(variance) + std::log(2 * std::acos(-1.0));
        }
        density += exp(mine(at, "shares")[m]) / all_shares * exp(naive::number(-0.5) * exponent);
      }
      p.push_back(naive::constant(density));
      total += density;
    }
    if (at.how.training) {
      const double each = 1.0 / static_cast<double>(layers * at.x.size());
      if (likelihood > 0) added["router_likelihood"] += naive::number(-likelihood * each) * log(total);
      naive::vec again = rows_times(mine(at, "decoder"), v);
      for (std::size_t c = 0; c < x.size(); ++c) {
        const naive::number off = again[c] + mine(at, "decoder_bias")[c] - seen[c];
        added["router_reconstruction"] +=
            naive::number(reconstruction * each / static_cast<double>(x.size())) * off * off;
      }
    }
    for (naive::number& d : p) d = d / naive::constant(total);
    return p;
  }
};

}  // namespace

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
