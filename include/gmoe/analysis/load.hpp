#pragma once
/// How evenly the experts are used: load metrics of one layer, and of all layers together for shared pools.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "gmoe/analysis/decisions.hpp"
#include "gmoe/analysis/entropy.hpp"
#include "gmoe/analysis/global_numbering.hpp"

namespace gmoe {

/// Load of N experts with counts c_i, mean cbar = sum c / N, fractions f_i = c_i / sum c, mean probabilities P_i.
/// The last two values exist only where the router gave scores.
struct load_metrics {
  std::vector<double> fractions;                   ///< f_i
  double assignments = 0;                          ///< sum c, the pairs (token, expert) that were carried out
  double entropy = 0;                              ///< - sum f ln f
  double normalized_entropy = 0;                   ///< entropy / ln N; 1 is even, also for N = 1
  double coefficient_of_variation = 0;             ///< population std(c) / cbar; 0 is even
  double gini = 0;                                 ///< (N + 1 - 2 sum_j cum_j / cum_N) / N over ascending c; 0 is even
  double max_violation = 0;                        ///< MaxVio: (max c - cbar) / cbar
  double min_violation = 0;                        ///< MinVio: (cbar - min c) / cbar
  double relative_perplexity = 0;                  ///< exp(entropy) / N; 1 is even
  double dead_share = 0;                           ///< share of experts with c_i = 0
  double drop_rate = 0;                            ///< dropped / (carried out + dropped); the latter is k T for top-k
  std::optional<double> probability_gap;           ///< 1/2 sum |f_i - P_i|
  std::optional<double> mean_probability_entropy;  ///< - sum P ln P
};

/// Population standard deviation over mean.
inline double coefficient_of_variation(std::span<const double> counts) {
  const double n = static_cast<double>(counts.size());
  const double mean = std::accumulate(counts.begin(), counts.end(), 0.0) / n;
  double squares = 0;
  for (const double c : counts) squares += (c - mean) * (c - mean);
  return std::sqrt(squares / n) / mean;
}

/// Gini coefficient: 0 for equal counts, (N - 1) / N when one expert has everything.
inline double gini(std::span<const double> counts) {
  std::vector<double> cumulative(counts.begin(), counts.end());
  std::sort(cumulative.begin(), cumulative.end());
  std::partial_sum(cumulative.begin(), cumulative.end(), cumulative.begin());
  const double n = static_cast<double>(counts.size());
  const double sum = std::accumulate(cumulative.begin(), cumulative.end(), 0.0);
  return (n + 1 - 2 * sum / cumulative.back()) / n;
}

/// All load metrics of a vector of counts. `mean_probabilities` (P, or empty) is as long as `counts`.
/// Throws data_error when there is no expert or no assignment.
inline load_metrics measure_load(std::span<const double> counts, std::span<const double> mean_probabilities = {},
                                 double dropped = 0) {
  require<data_error>(!counts.empty(), "load: there are no experts to measure");
  require(mean_probabilities.empty() || mean_probabilities.size() == counts.size(), "load: ", mean_probabilities.size(),
          " mean probabilities for ", counts.size(), " experts");
  load_metrics m;
  m.assignments = std::accumulate(counts.begin(), counts.end(), 0.0);
  require<data_error>(m.assignments > 0, "load: no token was assigned to any of ", counts.size(), " experts");
  const double n = static_cast<double>(counts.size()), mean = m.assignments / n;
  for (const double c : counts) m.fractions.push_back(c / m.assignments);
  m.entropy = entropy(counts);
  m.normalized_entropy = normalized_entropy(m.entropy, std::log(n));
  m.coefficient_of_variation = coefficient_of_variation(counts);
  m.gini = gini(counts);
  m.max_violation = (*std::max_element(counts.begin(), counts.end()) - mean) / mean;
  m.min_violation = (mean - *std::min_element(counts.begin(), counts.end())) / mean;
  m.relative_perplexity = std::exp(m.entropy) / n;
  m.dead_share = static_cast<double>(std::count(counts.begin(), counts.end(), 0.0)) / n;
  m.drop_rate = dropped / (m.assignments + dropped);
  if (!mean_probabilities.empty()) {
    double gap = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) gap += std::abs(m.fractions[i] - mean_probabilities[i]);
    m.probability_gap = gap / 2;
    m.mean_probability_entropy = entropy(mean_probabilities);
  }
  return m;
}

/// c_i of tokens [first, last) of a layer: how many of them selected expert i.
inline std::vector<double> expert_counts(const routing_decisions& d, index_t layer, index_t first, index_t last) {
  std::vector<double> counts(d.experts(layer), 0.0);
  for (const id_type id : d.ids(layer).subspan(first * d.slots(layer), (last - first) * d.slots(layer)))
    if (id != no_choice) ++counts[id];
  return counts;
}

/// c_i over all tokens.
inline std::vector<double> expert_counts(const routing_decisions& d, index_t layer) {
  return expert_counts(d, layer, 0, detail::some_tokens(d, "expert_counts"));
}

/// P_i = mean_t p_ti, empty when the layer is not scored.
inline std::vector<double> mean_probabilities(const routing_decisions& d, index_t layer) {
  if (!d.scored(layer)) return {};
  const auto p = d.probabilities(layer);
  std::vector<double> mean(d.experts(layer), 0.0);
  for (std::size_t n = 0; n < p.size(); ++n) mean[n % mean.size()] += p[n];
  for (double& m : mean) m /= static_cast<double>(d.tokens());
  return mean;
}

/// Load of one layer.
inline load_metrics layer_load(const routing_decisions& d, index_t layer) {
  return measure_load(expert_counts(d, layer), mean_probabilities(d, layer), static_cast<double>(d.dropped(layer)));
}

/// Load of every distinct expert of the model: counts and dropped pairs summed over layers by global id,
/// P averaged over layers. For a shared pool this decides the use of the global experts.
inline load_metrics pooled_load(const routing_decisions& d) {
  detail::some_tokens(d, "pooled_load");
  const global_numbering global(d);
  std::vector<double> counts(global.experts, 0.0), mean(global.experts, 0.0);
  double dropped = 0;
  bool scored = true;
  for (index_t l = 0; l < d.layers(); ++l) {
    const std::vector<double> c = expert_counts(d, l), p = mean_probabilities(d, l);
    scored = scored && !p.empty();
    dropped += static_cast<double>(d.dropped(l));
    for (index_t i = 0; i < d.experts(l); ++i) {
      counts[global.number[l][i]] += c[i];
      if (scored) mean[global.number[l][i]] += p[i] / static_cast<double>(d.layers());
    }
  }
  return measure_load(counts, scored ? std::span<const double>(mean) : std::span<const double>(), dropped);
}

/// Batch form of MaxVio: its mean over consecutive batches of `batch_tokens` tokens (the last may be shorter).
inline double batch_max_violation(const routing_decisions& d, index_t layer, index_t batch_tokens) {
  require(batch_tokens > 0, "batch_max_violation: batches of ", batch_tokens, " tokens, expected at least 1");
  const index_t tokens = detail::some_tokens(d, "batch_max_violation");
  double sum = 0;
  index_t batches = 0;
  for (index_t first = 0; first < tokens; first += batch_tokens, ++batches)
    sum += measure_load(expert_counts(d, layer, first, std::min(first + batch_tokens, tokens))).max_violation;
  return sum / static_cast<double>(batches);
}

}  // namespace gmoe
