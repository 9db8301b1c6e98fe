#pragma once
/// The equations of moa: every token's heads of attention, one after the other.

#include "cards/equations.hpp"

namespace gmoe_test {

struct moa_equations : naive::mixture {
  double alpha = 0.01, beta = 1e-3;
  std::vector<std::vector<vec>> logits;              ///< of the tokens of each block
  std::vector<std::vector<std::vector<int>>> heads;  ///< and what they chose

  mat operator()(const naive::call&, naive::layer_record&) override { return {}; }  // there is no other mixture

  mat attend(const naive::weights& w, const naive::settings& how, std::size_t block, const mat& x,
             const dropping& dropped) override {
    const std::string at = "h." + std::to_string(block) + ".attn.";
    const std::size_t d = x[0].size(), size = d / how.heads;
    if (block == logits.size()) {
      logits.emplace_back();
      heads.emplace_back();
    }
    mat read, y;
    for (const vec& row : x) read.push_back(rows_times(w.at(at + "shared"), row));  // [key | value]
    for (std::size_t t = 0; t < x.size(); ++t) {
      const vec z = rows_times(w.at(at + "gate"), x[t]), p = naive::softmax(z);
      const std::vector<int> chosen = naive::largest(p, how.heads);
      vec sum(d);
      for (std::size_t slot = 0; slot < chosen.size(); ++slot) {
        const auto e = static_cast<std::size_t>(chosen[slot]);
        const vec q = rows_times(w.at(at + "query"), x[t], e * size, size);
        vec scores;
        for (std::size_t u = 0; u <= t; ++u) {
          number dot = 0;
          for (std::size_t c = 0; c < size; ++c, ++naive::multiply_adds) dot += q[c] * read[u][c];
          scores.push_back(dot / std::sqrt(static_cast<double>(size)));
        }
        const vec share = naive::softmax(scores);
        vec value(size);
        for (std::size_t u = 0; u <= t; ++u)
          for (std::size_t c = 0; c < size; ++c, ++naive::multiply_adds)
            value[c] += share[u] * number(dropped(slot, t, u)) * read[u][size + c];
        for (std::size_t c = 0; c < size; ++c)
          for (std::size_t i = 0; i < d; ++i, ++naive::multiply_adds)
            sum[i] += p[e] * value[c] * w.at(at + "out")(e * size + c, i);
      }
      y.push_back(sum);
      logits.back().push_back(z);
      attn_logits.push_back(z);
      heads.back().push_back(chosen);
    }
    return y;
  }

  std::map<std::string, number> losses() override {
    std::map<std::string, number> all;
    const double blocks = static_cast<double>(logits.size());
    for (std::size_t b = 0; b < logits.size(); ++b) {
      const std::size_t n = logits[b][0].size();
      const double count = static_cast<double>(logits[b].size());
      vec f(n), mean(n);
      number squares;
      for (std::size_t t = 0; t < logits[b].size(); ++t) {
        const vec p = naive::softmax(logits[b][t]);
        number sum = 0;
        for (std::size_t e = 0; e < n; ++e) {
          mean[e] += p[e] / count;
          sum += exp(logits[b][t][e]);
        }
        for (const int e : heads[b][t])
          f[static_cast<std::size_t>(e)] += 1 / (count * static_cast<double>(heads[b][t].size()));
        squares += log(sum) * log(sum) / count;
      }
      if (alpha > 0)
        for (std::size_t e = 0; e < n; ++e)
          all["heads_balance"] += number(alpha * static_cast<double>(n) / blocks) * f[e] * mean[e];
      if (beta > 0) all["heads_z"] += number(beta / blocks) * squares;
    }
    return all;
  }
};

}  // namespace gmoe_test
