#pragma once
/// The equations of rexmoe: Experts of neighbouring layers, opened step by step.

#include "cards/pool_equations.hpp"

namespace gmoe_test {

/// Blocks of r layers; N_t experts may be asked in step t.
struct rexmoe_equations : pool_equations {
  double alpha = 0.01;
  std::vector<std::size_t> open;        ///< how many of a layer's experts may be asked
  std::vector<std::vector<bool>> ours;  ///< which of them are the layer's own

  /// `open` of the experts of blocks of r layers, 4 of each of three layers; training draws them.
  rexmoe_equations(std::size_t r, const std::vector<std::size_t>& of_layers) : open(of_layers) {
    widths.assign(12, 12);
    for (std::size_t l = 0; l < 3; ++l) {
      visible.emplace_back();
      ours.emplace_back();
      for (std::size_t owner = l / r * r; owner < std::min(l / r * r + r, std::size_t{3}); ++owner)
        for (std::size_t e = 4 * owner; e < 4 * owner + 4; ++e) {
          visible[l].push_back(static_cast<int>(e));
          ours[l].push_back(owner == l);
        }
    }
  }
  /// Before the first token of a layer, the others with the largest draws are opened.
  naive::vec logits(const naive::call& at, std::size_t t) override {
    if (t == 0) {
      allowed.resize(at.layer + 1, ours[at.layer]);
      std::vector<std::pair<double, std::size_t>> draws;
      const std::size_t n = visible[at.layer].size();
      for (std::size_t i = 0; i < n && open[at.layer] > 4 && open[at.layer] < n; ++i)
        if (!ours[at.layer][i]) draws.push_back({at.how.draw("candidates_draw", at.block, i), i});
      std::sort(draws.rbegin(), draws.rend());
      for (std::size_t i = 0; i + 4 < open[at.layer] && !draws.empty(); ++i) allowed.back()[draws[i].second] = true;
      if (open[at.layer] == n) allowed.back().assign(n, true);
    }
    return pool_equations::logits(at, t);
  }
  std::map<std::string, naive::number> losses() override {
    naive::number all;
    for (const layer_load& load : loads)
      for (std::size_t i = 0; i < load.mean.size(); ++i)
        all += naive::number(alpha * static_cast<double>(load.mean.size()) * load.pairs[i] / load.all_pairs) *
               load.mean[i];
    return {{"balance", all / static_cast<double>(loads.size())}};
  }
};

}  // namespace gmoe_test
