#pragma once
/// What the references of cards with other scores have in common.

#include "cards/equations.hpp"

namespace gmoe_test {

/// y = [E_s(x)] + sum over chosen of w_e E_e(x) of a pool per layer, and a loss that is the mean over layers.
struct scored_mixture : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2;
  double alpha = 0.01;
  bool shared = false;
  std::vector<naive::number> balance{};
  naive::vec said{};  ///< the logits of a token, where `scores` writes them down
  std::map<std::string, naive::number> added{};

  /// The scores of a token.
  virtual naive::vec scores(const naive::call& at, const naive::vec& x) = 0;
  virtual std::vector<int> choose(const naive::call&, const naive::vec& s) { return naive::largest(s, k); }
  virtual naive::number weight(const naive::number& s, const naive::number& sum) { return s / sum; }
  /// Of a layer; nothing where the card has none.
  virtual naive::number loss(const naive::call&, const naive::mat& s, const std::vector<std::vector<int>>& chosen) {
    const auto tokens = static_cast<double>(s.size());
    naive::number all;
    for (std::size_t e = 0; e < experts; ++e) {
      naive::number mean;
      double f = 0, pairs = 0;
      for (std::size_t t = 0; t < s.size(); ++t) {
        mean += s[t][e] / tokens;
        pairs += static_cast<double>(chosen[t].size());
        f += static_cast<double>(std::count(chosen[t].begin(), chosen[t].end(), static_cast<int>(e)));
      }
      all += naive::number(alpha * static_cast<double>(experts) * f / pairs) * mean;
    }
    return all;
  }

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::string local = "h." + std::to_string(at.block) + ".moe.local.";
    naive::mat y, all;
    for (const naive::vec& x : at.x) {
      const naive::vec s = scores(at, x);
      if (!said.empty()) record.logits.push_back(said);
      const std::vector<int> chosen = choose(at, s);
      naive::number sum = 1e-9;
      for (const int e : chosen) sum += s[static_cast<std::size_t>(e)];
      naive::vec out(x.size());
      if (shared) out = naive::expert(at.w.at(local + "w_in"), at.w.at(local + "w_out"), 0, width, x);
      record.weights.emplace_back();
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                              (at.layer * experts + e) * width, width, x);
        record.weights.back().push_back(weight(s[e], sum));
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += record.weights.back().back() * part[i];
      }
      record.chosen.push_back(chosen);
      all.push_back(s);
      y.push_back(out);
    }
    record.kept = record.chosen;
    record.scores = all;
    if (alpha > 0) balance.push_back(loss(at, all, record.chosen));
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    std::map<std::string, naive::number> all = added;
    if (balance.empty()) return all;
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    all["balance"] = sum;
    return all;
  }

 protected:
  static const naive::weight& mine(const naive::call& at, const std::string& name) {
    return at.w.at("router." + std::to_string(at.layer) + "." + name);
  }
};

inline naive::vec row_of(const naive::weight& w, std::size_t i) {
  return {w.values.begin() + static_cast<std::ptrdiff_t>(i * w.cols),
          w.values.begin() + static_cast<std::ptrdiff_t>((i + 1) * w.cols)};
}
inline naive::number dot_of(const naive::vec& a, const naive::vec& b) {
  naive::number sum;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
inline naive::number cosine_of(const naive::vec& a, const naive::vec& b) {
  return dot_of(a, b) / sqrt((dot_of(a, a) + 1e-12) * (dot_of(b, b) + 1e-12));
}
inline naive::number distance_of(const naive::vec& a, const naive::vec& b) {
  naive::number sum;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sqrt(sum);
}

}  // namespace gmoe_test
