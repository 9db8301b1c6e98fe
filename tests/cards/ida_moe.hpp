#pragma once
/// The equations of ida_moe: Gaussian mixtures that decide, and are taught by nothing but their likelihood, against
/// their equations.

#include "cards/scoring_equations.hpp"

namespace gmoe_test {

struct ida_equations : scored_mixture {
  std::size_t components = 4, latent = 16, layers = 3;
  double likelihood = 0.01, reconstruction = 1;
  ida_equations() { alpha = 0; }

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    naive::vec seen, v, p;
    for (const naive::number& xi : x) seen.push_back(naive::constant(xi));
    v = rows_times(mine(at, "encoder"), seen);
    for (std::size_t j = 0; j < latent; ++j) v[j] += mine(at, "encoder_bias")[j];
    said.clear();
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
      said.push_back(log(density));
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

}  // namespace gmoe_test
