#pragma once
/// The equations of capacity_aware: Full experts keep the pairs that come first by an order; the others are dropped or
/// ask on.

#include "cards/paired_equations.hpp"

namespace gmoe_test {

struct capacity_equations : naive::paired_mixture {
  double factor = 1.25;
  std::size_t k = 2;
  std::string order = "better";
  bool ask_on = true;
  vec terms{};

  pairs choose(const naive::call& at, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    scored = p;
    const std::size_t tokens = z.size();
    const auto room =
        static_cast<std::size_t>(factor * std::ceil(static_cast<double>(k * tokens) / static_cast<double>(experts)));
    const auto key = [&](std::size_t t, std::size_t e) {
      if (order == "better") return p[t][e].value();
      return order == "random" ? at.how.draw("capacity_order", at.block, t) : 0.0;
    };
    std::vector<std::vector<bool>> taken(tokens, std::vector<bool>(experts));
    std::vector<std::size_t> load(experts), has(tokens);
    const auto admit = [&](const std::vector<std::vector<std::size_t>>& asking) {  // tokens, of every expert
      for (std::size_t e = 0; e < experts; ++e) {
        auto queue = asking[e];
        std::stable_sort(queue.begin(), queue.end(),
                         [&](std::size_t a, std::size_t b) { return key(a, e) > key(b, e); });
        for (const std::size_t t : queue)
          if (load[e] < room) {
            ++load[e];
            ++has[t];
            taken[t][e] = true;
          }
      }
    };
    std::vector<std::vector<std::size_t>> asking(experts);
    for (std::size_t t = 0; t < tokens; ++t)
      for (const int e : naive::largest(p[t], k)) asking[static_cast<std::size_t>(e)].push_back(t);
    if (at.how.training) {
      admit(asking);
      for (std::size_t place = k; ask_on && place < experts; ++place) {
        for (auto& a : asking) a.clear();
        for (std::size_t t = 0; t < tokens; ++t)
          if (has[t] < k) asking[static_cast<std::size_t>(naive::largest(p[t], experts)[place])].push_back(t);
        admit(asking);
      }
    }
    pairs asked(tokens), got(tokens);
    for (std::size_t t = 0; t < tokens; ++t)
      for (const int c : naive::largest(p[t], experts)) {
        const auto e = static_cast<std::size_t>(c);
        if (asked[t].size() < k) asked[t].push_back({e, p[t][e]});
        if (at.how.training ? taken[t][e] : got[t].size() < k) got[t].push_back({e, p[t][e]});
      }
    terms.push_back(naive::number(0.01) * naive::switch_term(asked, p));
    asked_ = asked;
    return got;
  }
  mat operator()(const naive::call& at, naive::layer_record& record) override {
    mat y = paired_mixture::operator()(at, record);
    record.weighs_kept = true;
    for (std::size_t t = 0; t < asked_.size(); ++t) {
      record.chosen[t].clear();
      for (const pair& a : asked_[t]) record.chosen[t].push_back(static_cast<int>(a.expert));
    }
    return y;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }

 private:
  pairs asked_;
};

}  // namespace gmoe_test
