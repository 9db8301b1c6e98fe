#pragma once
/// The equations of stratified: one token after the other, from stratum to stratum.

#include "cards/equations.hpp"

namespace gmoe_test {

struct stratified_equations : naive::mixture {
  std::size_t experts = 4, width = 12, strata = 4, k = 2;
  double alpha = 0.01;
  std::vector<naive::number> seen{};  ///< V sum_i f_i P_i of every round of every layer

  /// Strata are as equal as they can be: expert e is in the one that holds the share e / N.
  std::size_t stratum_of(std::size_t e) const { return e * strata / experts; }

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    record.rounds.resize(strata);
    std::vector<naive::vec> mean(strata, naive::vec(experts));
    std::vector<std::vector<double>> first(strata, std::vector<double>(experts));
    naive::mat y;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      naive::vec u = at.x[t];
      for (std::size_t s = 0; s < strata;) {
        naive::layer_record& round = record.rounds[s];
        std::size_t behind = 0;
        while (stratum_of(behind) < s) ++behind;
        const naive::weight& gate =
            at.w.at("router." + std::to_string(at.layer) + ".stratum." + std::to_string(s) + ".gate");
        const naive::vec z = naive::rows_times(gate, u), ahead = naive::softmax(z);
        naive::vec logits(behind), p(behind);
        logits.insert(logits.end(), z.begin(), z.end());
        p.insert(p.end(), ahead.begin(), ahead.end());
        std::vector<int> best = naive::largest(ahead, std::min(k, ahead.size()));
        for (int& e : best) e += static_cast<int>(behind);
        naive::number total = 1e-9;
        for (const int e : best) total += p[static_cast<std::size_t>(e)];
        const naive::vec before = u;
        round.weights.emplace_back();
        for (const int chosen : best) {
          const auto e = static_cast<std::size_t>(chosen);
          const naive::number w = p[e] / total;
          round.weights.back().push_back(w);
          const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                                (at.layer * experts + e) * width, width, before);
          for (std::size_t c = 0; c < u.size(); ++c) u[c] += w * part[c];
        }
        round.rows.push_back(static_cast<int>(t));
        round.logits.push_back(logits);
        round.scores.push_back(p);
        round.chosen.push_back(best);
        round.kept = round.chosen;
        for (std::size_t e = 0; e < experts; ++e) mean[s][e] += p[e];
        first[s][static_cast<std::size_t>(best[0])] += 1;
        s = 1 + stratum_of(static_cast<std::size_t>(best[0]));
      }
      for (std::size_t c = 0; c < u.size(); ++c) u[c] = u[c] - at.x[t][c];
      y.push_back(u);
    }
    record.rounds[0].rows.clear();  // all of them
    for (std::size_t s = 0; s < strata; ++s) {
      const double tokens = static_cast<double>(record.rounds[s].chosen.size());
      double ahead = 0;
      naive::number sum;
      for (std::size_t e = 0; e < experts; ++e) {
        if (stratum_of(e) < s) continue;
        ++ahead;
        if (tokens > 0) sum += mean[s][e] * (first[s][e] / (tokens * tokens));
      }
      seen.push_back(sum * ahead);
    }
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& v : seen) sum += v;
    return {{"balance", sum * (alpha / static_cast<double>(seen.size()))}};
  }
};

}  // namespace gmoe_test
