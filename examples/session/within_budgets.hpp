#pragma once
/// The report of budgets.hpp, of a model on the backend that this is compiled for.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "budgets.hpp"
#include "gmoe/analysis/buddies.hpp"
#include "gmoe/analysis/expert_similarity.hpp"
#include "gmoe/analysis/expert_usage.hpp"
#include "gmoe/model/within_budget.hpp"

namespace examples {

/// Evaluates `model` within each budget, three times. Throws config_error if it has no mixture.
template <class Model>
budget_report evaluate_within(Model& model, const budget_options& how) {
  using B = typename Model::backend_type;
  const std::vector<gmoe::layer_usage> usage = gmoe::record_usage(model, how.recorded, how.sequence, how.batch);
  gmoe::require(!usage.empty(), "the model has no mixture of experts that it chooses among");
  std::vector<gmoe::buddy_lists> by_routing, by_weights, nobody;
  budget_report report;
  const auto parameters = model.parameters();
  for (std::size_t l = 0; l < usage.size(); ++l) {
    by_routing.push_back(gmoe::buddies_by_routing(usage[l], how.alpha));
    nobody.emplace_back(by_routing.back().size());
    if (!report.no_weights.empty()) continue;
    try {
      by_weights.push_back(gmoe::buddies_by_similarity(usage[l], gmoe::expert_similarity<B>(parameters, usage, l)));
    } catch (const gmoe::config_error& e) {
      report.no_weights = e.what();
    }
  }
  // An expert that several layers see is in memory once.
  const auto count = [&](const auto& counts) {
    std::set<std::pair<std::string, gmoe::id_type>> experts;
    for (std::size_t l = 0; l < usage.size(); ++l)
      for (gmoe::index_t e = 0; e < usage[l].experts(); ++e)
        if (usage[l].has_weights(e) && counts(l, static_cast<std::size_t>(e)))
          experts.insert({usage[l].mixture, usage[l].pool->ids[static_cast<std::size_t>(e)]});
    return static_cast<gmoe::index_t>(experts.size());
  };
  report.experts = count([](std::size_t, std::size_t) { return true; });
  report.whole = gmoe::evaluate(model, how.text, how.sequence, how.batch);
  for (const double budget : how.budgets) {
    const std::vector<std::vector<bool>> in_memory = gmoe::most_used(usage, budget);
    const auto loss_with = [&](const std::vector<gmoe::buddy_lists>& buddies, bool substitute) {
      const gmoe::expert_budget rule = gmoe::make_budget(usage, in_memory, buddies, {substitute, how.renormalise});
      budget_loss found;
      found.loss = gmoe::evaluate(gmoe::within_budget(model, rule), how.text, how.sequence, how.batch, 0,
                                  [&](const gmoe::losses<B>& l) {
                                    for (const auto& r : l.found.routings) rule.count(r, found.pairs);
                                  });
      return found;
    };
    budget_row row;
    row.budget = budget;
    row.in_memory = count([&](std::size_t l, std::size_t e) { return bool(in_memory[l][e]); });
    row.by_routing = loss_with(by_routing, true);
    if (report.no_weights.empty()) row.by_weights = loss_with(by_weights, true);
    row.dropped = loss_with(nobody, false);
    report.rows.push_back(row);
  }
  return report;
}

}  // namespace examples
