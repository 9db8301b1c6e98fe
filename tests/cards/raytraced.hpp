#pragma once
/// The equations of raytraced: Paths from expert to expert, drawn step by step, walked for one token after the other.

#include "cards/equations.hpp"

namespace gmoe_test {

struct raytraced_equations : naive::mixture {
  std::size_t experts = 4, width = 12, steps = 3, fan = 2;
  bool draws = true;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const naive::weight& gate = at.w.at("router." + std::to_string(at.layer) + ".gate");
    const std::size_t nobody = experts;
    record.rounds.resize(steps);
    naive::mat y;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      naive::vec u = at.x[t], out(u.size());
      std::size_t last = nobody;
      for (std::size_t s = 0; s < steps; ++s) {
        const bool left = s > 0 && last == nobody;
        auto& round = record.rounds[s];
        round.scores.emplace_back(experts);
        std::size_t next = nobody;
        naive::number share;
        if (!left) {
          std::vector<std::size_t> may;  // the last one is the exit
          for (std::size_t e = 0; e <= experts; ++e) {
            const std::size_t ahead = (e + experts - last % experts - 1) % experts + 1;  // 1 ... N
            if (s == 0 ? e < experts : e == nobody || ahead <= fan) may.push_back(e);
          }
          naive::vec z;
          for (const std::size_t e : may) {
            naive::number sum;
            for (std::size_t i = 0; i < u.size(); ++i) sum += gate(e, i) * u[i];
            z.push_back(sum);
          }
          const naive::vec p = naive::softmax(z);
          for (std::size_t i = 0; i < may.size(); ++i)
            if (may[i] != nobody) round.scores.back()[may[i]] = p[i];
          std::size_t pick = static_cast<std::size_t>(naive::largest(p, 1)[0]);
          if (at.how.training || draws) {
            const std::string name = s == 0 ? "" : "round" + std::to_string(s) + "/";
            const double draw = at.how.draw(name + "selection_draw", at.block, t);
            double up_to = 0, total = 0;
            for (const naive::number& v : p) total += v.value();
            for (pick = 0; (up_to += p[pick].value()) <= draw * total; ++pick) {
            }
          }
          next = may[pick];
          share = p[pick];
        }
        round.logits.push_back(rows_times(gate, u));
        round.weights.emplace_back();
        round.chosen.emplace_back();
        if (next != nobody) {
          round.chosen.back().push_back(static_cast<int>(next));
          round.weights.back().push_back(share);
          const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                                (at.layer * experts + next) * width, width, u);
          for (std::size_t i = 0; i < u.size(); ++i) {
            u[i] += share * part[i];
            out[i] += share * part[i];
          }
        }
        last = next;
      }
      y.push_back(out);
    }
    for (auto& round : record.rounds) round.kept = round.chosen;
    return y;
  }
};

}  // namespace gmoe_test
