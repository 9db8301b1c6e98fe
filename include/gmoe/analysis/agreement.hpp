#pragma once
/// Whether layers use the same experts: for shared pools, or for routers that share their numbering.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "gmoe/analysis/decisions.hpp"
#include "gmoe/analysis/global_numbering.hpp"
#include "gmoe/analysis/load.hpp"
#include "gmoe/analysis/shuffled.hpp"

namespace gmoe {

/// By which ids experts of two layers are called the same.
enum class expert_naming {
  global,       ///< the same expert of a shared pool; private pools never agree
  within_layer  ///< the same number in its layer: for shared routers over private pools
};

namespace detail {

inline id_type name_of(const routing_decisions& d, index_t layer, id_type expert, expert_naming naming) {
  return naming == expert_naming::global ? d.global_ids(layer)[expert] : expert;
}

/// The selected set of a token by name, ascending.
inline std::vector<id_type> selected_names(const routing_decisions& d, index_t layer, index_t token,
                                           expert_naming naming) {
  std::vector<id_type> names;
  for (const id_type id : d.ids(layer, token))
    if (id != no_choice) names.push_back(name_of(d, layer, id, naming));
  std::sort(names.begin(), names.end());
  return names;
}

/// The mean of Jaccard indices of sets, each ascending; two empty sets are no comparison.
struct jaccard_mean {
  double sum = 0;
  index_t places = 0;

  void add(const std::vector<id_type>& a, const std::vector<id_type>& b) {
    std::vector<id_type> both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    const std::size_t together = a.size() + b.size() - both.size();
    if (together == 0) return;
    sum += static_cast<double>(both.size()) / static_cast<double>(together);
    ++places;
  }
  double value() const { return sum / static_cast<double>(places); }
};

}  // namespace detail

/// A = (1/T) sum_t 1[a_t^l = a_t^m], on top-1 decisions. Fits `mean_at_distance`.
inline double layer_agreement(const routing_decisions& d, index_t l, index_t m,
                              expert_naming naming = expert_naming::global) {
  const index_t tokens = detail::some_tokens(d, "layer_agreement");
  index_t same = 0;
  for (index_t t = 0; t < tokens; ++t)
    same += detail::name_of(d, l, d.top1(l)[t], naming) == detail::name_of(d, m, d.top1(m)[t], naming);
  return static_cast<double>(same) / static_cast<double>(tokens);
}

/// Mean over tokens of the Jaccard index |I n I'| / |I u I'| of the sets that they selected in layers l and m; empty
/// where nobody selected anybody in either. `token_of_m` (T; empty: the same) says whose set of layer m is compared.
inline std::optional<double> layer_consistency(const routing_decisions& d, index_t l, index_t m,
                                               expert_naming naming = expert_naming::global,
                                               std::span<const index_t> token_of_m = {}) {
  const index_t tokens = detail::some_tokens(d, "layer_consistency");
  detail::jaccard_mean mean;
  for (index_t t = 0; t < tokens; ++t)
    mean.add(detail::selected_names(d, l, t, naming),
             detail::selected_names(d, m, token_of_m.empty() ? t : token_of_m[static_cast<std::size_t>(t)], naming));
  if (mean.places == 0) return std::nullopt;
  return mean.value();
}

/// Mean over tokens and neighbouring layers of the Jaccard index |I n I'| / |I u I'| of the selected sets.
/// Places where both sets are empty do not count; a data_error says when all are, or when there is one layer only.
inline double set_consistency(const routing_decisions& d, expert_naming naming = expert_naming::global) {
  const index_t tokens = detail::some_tokens(d, "set_consistency");
  detail::jaccard_mean mean;
  for (index_t t = 0; t < tokens; ++t) {
    std::vector<id_type> above = detail::selected_names(d, 0, t, naming);
    for (index_t l = 1; l < d.layers(); ++l) {
      std::vector<id_type> here = detail::selected_names(d, l, t, naming);
      mean.add(above, here);
      above = std::move(here);
    }
  }
  require<data_error>(mean.places > 0, "set_consistency: ", d.layers(),
                      " routed layer(s) give no two neighbouring selections to compare");
  return mean.value();
}

/// What `set_consistency` would be if a layer's sets went to tokens at random: what the load of the experts alone
/// gives. One random order of the tokens per layer; the mean over pairs of layers, which is that over places where all
/// tokens select somebody. Throws data_error as `set_consistency` does.
inline double chance_consistency(const routing_decisions& d, const random_stream& stream,
                                 expert_naming naming = expert_naming::global) {
  std::vector<index_t> all(static_cast<std::size_t>(detail::some_tokens(d, "chance_consistency")));
  std::iota(all.begin(), all.end(), index_t{0});
  double sum = 0;
  index_t layers = 0;
  for (index_t l = 1; l < d.layers(); ++l)
    if (const auto mean =
            layer_consistency(d, l - 1, l, naming, shuffled(all, stream.fork(static_cast<std::uint64_t>(l))))) {
      sum += *mean;
      ++layers;
    }
  require<data_error>(layers > 0, "chance_consistency: ", d.layers(),
                      " routed layer(s) give no two neighbouring selections to compare");
  return sum / static_cast<double>(layers);
}

/// Share of runs of at least `length` layers among all maximal runs, where a run is a token's selecting the same
/// expert in consecutive routed layers.
inline double sustained_engagement(const routing_decisions& d, index_t length = 4,
                                   expert_naming naming = expert_naming::global) {
  const index_t tokens = detail::some_tokens(d, "sustained_engagement");
  require(length >= 1, "sustained_engagement: runs of ", length, " layers, expected at least 1");
  const auto contains = [](const std::vector<id_type>& sorted, id_type id) {
    return std::binary_search(sorted.begin(), sorted.end(), id);
  };
  index_t runs = 0, sustained = 0;
  std::vector<std::vector<id_type>> sets(d.layers());
  for (index_t t = 0; t < tokens; ++t) {
    for (index_t l = 0; l < d.layers(); ++l) sets[l] = detail::selected_names(d, l, t, naming);
    for (index_t l = 0; l < d.layers(); ++l)
      for (const id_type id : sets[l]) {
        if (l > 0 && contains(sets[l - 1], id)) continue;  // not the start of its run
        index_t end = l + 1;
        while (end < d.layers() && contains(sets[end], id)) ++end;
        ++runs;
        sustained += end - l >= length;
      }
  }
  require<data_error>(runs > 0, "sustained_engagement: no token selected an expert");
  return static_cast<double>(sustained) / static_cast<double>(runs);
}

/// O = sum_i min(f_i^l, f_i^m) over experts by global id: 1 for equal use, 0 for disjoint. Fits `mean_at_distance`.
inline double usage_overlap(const routing_decisions& d, index_t l, index_t m) {
  const std::vector<double> f = layer_load(d, l).fractions, g = layer_load(d, m).fractions;
  double overlap = 0;
  for (std::size_t i = 0; i < f.size(); ++i)
    for (std::size_t j = 0; j < g.size(); ++j)
      if (d.global_ids(l)[i] == d.global_ids(m)[j]) overlap += std::min(f[i], g[j]);
  return overlap;
}

/// Mean of `usage_overlap` over all pairs of different layers; empty when there is one layer only.
inline std::optional<double> mean_usage_overlap(const routing_decisions& d) {
  detail::some_tokens(d, "mean_usage_overlap");
  double sum = 0;
  index_t pairs = 0;
  for (index_t l = 0; l < d.layers(); ++l)
    for (index_t m = l + 1; m < d.layers(); ++m, ++pairs) sum += usage_overlap(d, l, m);
  return pairs > 0 ? std::optional<double>(sum / static_cast<double>(pairs)) : std::nullopt;
}

}  // namespace gmoe
