#pragma once
/// The equations of keyed: Routers that compare tokens with keys: laplace, its two levels, cosine-router, nexus, mixer
/// and pro-moe.

#include "cards/scoring_equations.hpp"

namespace gmoe_test {

struct laplace_equations : scored_mixture {
  double temperature = 1;
  std::size_t groups = 0;

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    const naive::weight& keys = mine(at, "keys");
    naive::vec z;
    for (std::size_t i = 0; i < keys.rows; ++i)
      z.push_back(naive::number(-1 / temperature) * distance_of(x, row_of(keys, i)));
    said = z;
    if (groups == 0) return naive::softmax(z);
    const auto first = z.begin() + static_cast<std::ptrdiff_t>(groups);
    const naive::vec group = naive::softmax(naive::vec(z.begin(), first));
    const auto n = static_cast<std::ptrdiff_t>(experts / groups);
    naive::vec p;
    for (std::size_t g = 0; g < groups; ++g)
      for (const naive::number& within : naive::softmax(
               naive::vec(first + static_cast<std::ptrdiff_t>(g) * n, first + static_cast<std::ptrdiff_t>(g + 1) * n)))
        p.push_back(group[g] * within);
    return p;
  }
};

struct cosine_equations : scored_mixture {
  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    const naive::vec u = rows_times(mine(at, "down"), x);
    naive::vec z;
    for (std::size_t i = 0; i < experts; ++i)
      z.push_back(cosine_of(u, row_of(mine(at, "keys"), i)) / exp(mine(at, "log_temperature")[0]));
    said = z;
    return naive::softmax(z);
  }
  naive::number weight(const naive::number& s, const naive::number&) override { return s; }
};

struct nexus_equations : scored_mixture {
  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    naive::vec z;
    for (std::size_t i = 0; i < experts; ++i) {
      naive::vec h = rows_times(mine(at, "w_in"), row_of(mine(at, "descriptions"), i));
      for (std::size_t u = 0; u < h.size(); ++u) {
        h[u] += mine(at, "bias_in")[u];
        h[u] = h[u] * sigmoid(h[u]);
      }
      naive::vec key = rows_times(mine(at, "w_out"), h);
      for (std::size_t j = 0; j < key.size(); ++j) key[j] += mine(at, "bias_out")[j];
      z.push_back(dot_of(x, key));
    }
    said = z;
    return naive::softmax(z);
  }
};

struct mixer_equations : scored_mixture {
  std::vector<std::vector<double>> centroids{};  // of each layer, N x d

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    naive::vec z;
    for (std::size_t i = 0; i < experts; ++i) {
      const auto c = centroids[at.layer].begin() + static_cast<std::ptrdiff_t>(i * x.size());
      z.push_back(naive::number(0) - distance_of(x, naive::vec(c, c + static_cast<std::ptrdiff_t>(x.size()))));
    }
    said = z;
    return naive::softmax(z);
  }
  naive::number weight(const naive::number&, const naive::number&) override { return 1; }
};

struct pro_moe_equations : scored_mixture {
  double scale = 10, temperature = 0.1;

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    naive::vec z;
    for (std::size_t i = 0; i < experts; ++i)
      z.push_back(naive::number(scale) * cosine_of(x, row_of(mine(at, "keys"), i)));
    said = z;
    return naive::softmax(z);
  }
  naive::number loss(const naive::call& at, const naive::mat&, const std::vector<std::vector<int>>& chosen) override {
    std::vector<naive::vec> means(experts);
    for (std::size_t e = 0; e < experts; ++e) {
      double count = 0;
      naive::vec sum(at.x[0].size());
      for (std::size_t t = 0; t < at.x.size(); ++t)
        if (std::count(chosen[t].begin(), chosen[t].end(), static_cast<int>(e)) > 0) {
          ++count;
          for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += at.x[t][j];
        }
      if (count == 0) continue;
      for (naive::number& v : sum) v = v / count;
      means[e] = sum;
    }
    naive::number all;
    for (std::size_t i = 0; i < experts; ++i) {
      if (means[i].empty()) continue;
      naive::number others;
      for (std::size_t j = 0; j < experts; ++j)
        if (!means[j].empty()) others += exp(cosine_of(row_of(mine(at, "keys"), i), means[j]) / temperature);
      all += log(others) - cosine_of(row_of(mine(at, "keys"), i), means[i]) / temperature;
    }
    return naive::number(alpha / static_cast<double>(experts)) * all;
  }
};

}  // namespace gmoe_test
