#pragma once
/// The report of path_probes.hpp, of a model on the backend that this is compiled for.

#include <algorithm>
#include <limits>

#include "gmoe/analysis/agreement.hpp"
#include "gmoe/analysis/allowed_paths.hpp"
#include "gmoe/analysis/shuffled_experts.hpp"
#include "gmoe/model/under_rule.hpp"
#include "path_probes.hpp"

namespace examples {

inline consistency_report consistency_of(const gmoe::routing_decisions& d, gmoe::expert_naming naming,
                                         const gmoe::random_stream& stream) {
  consistency_report report;
  for (gmoe::index_t l = 1; l < d.layers(); ++l)
    report.by_layer.push_back(
        gmoe::layer_consistency(d, l - 1, l, naming).value_or(std::numeric_limits<double>::quiet_NaN()));
  report.mean = gmoe::set_consistency(d, naming);
  report.by_chance = gmoe::chance_consistency(d, stream, naming);
  return report;
}

/// Throws config_error if the model has no mixture.
template <class Model>
probe_report probe_paths(const Model& model, const probe_options& how) {
  using B = typename Model::backend_type;
  const gmoe::record_options reading{.sequence = how.sequence, .batch = how.batch};
  const gmoe::routing_decisions recorded = gmoe::record_routing(model, how.recorded, reading).decisions;
  gmoe::require(recorded.layers() > 0, "the model has no mixture of experts that it chooses among");
  const gmoe::routing_decisions text = gmoe::record_routing(model, how.text, reading).decisions;
  const gmoe::random_stream stream(how.seed);
  const auto loss_under = [&](const gmoe::routing_rule<B>& rule) {
    return gmoe::evaluate(gmoe::under_rule(model, rule), how.text, how.sequence, how.batch);
  };
  probe_report report;
  report.layers = text.layers();
  report.whole = gmoe::evaluate(model, how.text, how.sequence, how.batch);
  report.shares_experts = gmoe::shares_experts(text);
  if (text.layers() > 1) {
    report.within_layer = {consistency_of(text, gmoe::expert_naming::within_layer, stream.fork("chance"))};
    if (report.shares_experts)
      report.global = {consistency_of(text, gmoe::expert_naming::global, stream.fork("chance"))};
  }
  for (int n = 0; n < how.shuffles; ++n)
    report.shuffled.push_back(
        loss_under(gmoe::shuffled_experts<B>(stream.fork("shuffle").fork(static_cast<std::uint64_t>(n)))));

  const std::vector<gmoe::chosen_path> all = gmoe::count_chosen_paths(recorded, how.what);
  report.recorded_paths = std::ssize(all);
  try {
    for (const gmoe::index_t most : how.paths) {
      paths_row row;
      row.allowed = std::min(most, report.recorded_paths);
      const std::span<const gmoe::chosen_path> paths(all.data(), static_cast<std::size_t>(row.allowed));
      row.recorded = gmoe::share_on(recorded, paths, how.what);
      row.on_them = gmoe::share_on(text, paths, how.what);
      row.loss = loss_under(gmoe::allowed_paths<B>(gmoe::path_tree(paths), how.what));
      report.rows.push_back(row);
    }
  } catch (const gmoe::config_error& e) {  // of forms that route parts of tokens
    report.rows.clear();
    report.no_paths = e.what();
  }
  return report;
}

}  // namespace examples
