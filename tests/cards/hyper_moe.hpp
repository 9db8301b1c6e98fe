#pragma once
/// The equations of hyper_moe: Networks made for every token, matrix by matrix, as the equations have them.

#include "cards/noisy_top_k.hpp"

namespace gmoe_test {

struct hyper_equations : naive::mixture {
  std::size_t experts = 4, width = 12, hidden = 6, adapter = 3, k = 1;
  double importance = 0, load = 0, least = 0.01;
  std::vector<naive::number> balance{};

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t d = at.x[0].size();
    const auto w = [&](const std::string& name) -> const naive::weight& { return at.w.at("local." + name); };
    naive::mat y;
    naive::vec weighs(experts), wanted(experts);
    const double tokens = static_cast<double>(at.x.size());
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const naive::vec& x = at.x[t];
      const noisy_token token(at, t, least);
      const naive::vec p = naive::softmax(token.noisy);
      const std::vector<int> chosen = naive::largest(p, k);
      record.weights.emplace_back();
      for (const int e : chosen) {
        record.weights.back().push_back(p[static_cast<std::size_t>(e)]);
        weighs[static_cast<std::size_t>(e)] += record.weights.back().back() / tokens;
      }
      for (std::size_t e = 0; e < experts && k < experts; ++e) wanted[e] += token.chance(e, k) / tokens;
      record.logits.push_back(token.noisy);
      record.scores.push_back(p);
      naive::vec out(d), unselected(w("experts").cols);
      for (std::size_t e = 0; e < experts; ++e) {
        if (std::find(chosen.begin(), chosen.end(), static_cast<int>(e)) == chosen.end()) {
          for (std::size_t i = 0; i < unselected.size(); ++i) unselected[i] += w("experts")(e, i);
          continue;
        }
        const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                              (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < d; ++i) out[i] += p[e] * part[i];
      }
      record.chosen.push_back(chosen);
      naive::vec inner = affine(unselected, w("gather.weight"), w("gather.bias"));
      for (naive::number& a : inner) a = naive::relu(a);
      naive::vec v = affine(inner, w("spread.weight"), w("spread.bias"));
      for (std::size_t i = 0; i < w("layers").cols; ++i) v.push_back(w("layers")(at.layer, i));
      naive::vec h = affine(v, w("join.weight"), w("join.bias"));
      for (naive::number& a : h) a = naive::relu(a);

      // The matrices of this token.
      naive::mat down(adapter, naive::vec(d)), up(d, naive::vec(adapter));
      naive::vec c(adapter), g(d);
      for (std::size_t n = 0; n < hidden; ++n) {
        for (std::size_t i = 0; i < adapter; ++i) {
          c[i] += h[n] * w("down_bias")(i, n);
          for (std::size_t j = 0; j < d; ++j) {
            down[i][j] += h[n] * w("down")(i * hidden + n, j);
            up[j][i] += h[n] * w("up")(i * hidden + n, j);
          }
        }
        for (std::size_t j = 0; j < d; ++j) g[j] += h[n] * w("up_bias")(j, n);
      }
      for (std::size_t i = 0; i < adapter; ++i) {
        naive::number a = c[i];
        for (std::size_t j = 0; j < d; ++j) a += down[i][j] * x[j];
        for (std::size_t j = 0; j < d; ++j) out[j] += up[j][i] * naive::relu(a);
      }
      for (std::size_t j = 0; j < d; ++j) out[j] += g[j];
      y.push_back(out);
    }
    record.kept = record.chosen;
    naive::number loss = naive::number(importance) * squared_variation_of(weighs);
    if (at.how.training && k < experts) loss += naive::number(load) * squared_variation_of(wanted);
    balance.push_back(loss);
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

}  // namespace gmoe_test
