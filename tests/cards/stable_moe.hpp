#pragma once
/// The equations of stable_moe: A router that teaches a table of token ids, and the table alone, token by token.

#include "cards/equations.hpp"

namespace gmoe_test {

struct stable_equations : naive::mixture {
  std::size_t experts = 4, width = 12, stage_one = 60;
  double factor = 1.25, crowded = 0.3;
  std::vector<int> table{};  ///< in stage two; nothing: what the parameters say
  bool one_table = true;
  std::size_t layers = 3;
  naive::number crowding, distillation;
  bool taught = false;

  std::string table_of(std::size_t layer) const {
    return one_table || layer == 0 ? "select." : "select.group." + std::to_string(layer) + ".";
  }
  naive::vec says(const naive::weights& w, std::size_t layer, int id) const {
    const naive::weight &words = w.at(table_of(layer) + "words"), &head = w.at(table_of(layer) + "head");
    naive::vec z(experts);
    for (std::size_t e = 0; e < experts; ++e)
      for (std::size_t i = 0; i < words.cols; ++i) z[e] += head(e, i) * words(static_cast<std::size_t>(id), i);
    return z;
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t tokens = at.x.size();
    const bool first_stage = at.how.step < stage_one;
    naive::mat a, y;
    std::vector<std::size_t> chosen;
    std::vector<double> taken(experts);
    for (std::size_t t = 0; t < tokens; ++t) {
      a.push_back(rows_times(at.w.at("router." + std::to_string(at.layer) + ".centroids"), at.x[t]));
      const naive::vec word = says(at.w, at.layer, at.tokens[t]);
      chosen.push_back(first_stage || table.empty()
                           ? static_cast<std::size_t>(naive::largest(first_stage ? a.back() : word, 1)[0])
                           : static_cast<std::size_t>(table[static_cast<std::size_t>(at.tokens[t])]));
      ++taken[chosen.back()];
      record.chosen.push_back({static_cast<int>(chosen.back())});
      if (!first_stage || !at.how.training || (one_table && at.layer > 0)) continue;
      naive::number sum;
      for (const naive::number& z : word) sum += exp(z);
      const double share = 1 / static_cast<double>(tokens * (one_table ? 1 : layers));
      distillation += naive::number(share) * (log(sum) - word[chosen.back()]);
    }
    record.kept = record.chosen;
    record.logits = a;
    for (const naive::vec& row : a) {
      record.scores.emplace_back();
      for (const naive::number& v : row) record.scores.back().push_back(naive::sigmoid(v));
    }
    if (at.how.training) {
      const auto room =
          static_cast<std::size_t>(factor * std::ceil(static_cast<double>(tokens) / static_cast<double>(experts)));
      std::vector<std::size_t> filled(experts);
      for (std::size_t t = 0; t < tokens; ++t)
        if (filled[chosen[t]]++ >= room) record.kept[t][0] = -1;
      taught = first_stage;
    }
    for (std::size_t t = 0; t < tokens; ++t) {
      const std::size_t e = chosen[t];
      const naive::number gate = naive::sigmoid(a[t][e]);
      record.weights.push_back({gate});
      const double even = static_cast<double>(tokens) / static_cast<double>(experts);
      crowding += naive::number(crowded / static_cast<double>(layers) * (taken[e] - even) / even / taken[e]) * gate;
      naive::vec out(at.x[t].size());
      if (record.kept[t][0] >= 0) {
        const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                              (at.layer * experts + e) * width, width, at.x[t]);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] += gate * part[i];
      }
      y.push_back(out);
    }
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    if (!taught) return {};
    return {{"crowding", crowding}, {"distillation", distillation}};
  }
};

}  // namespace gmoe_test
