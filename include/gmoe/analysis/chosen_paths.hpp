#pragma once
/// Paths of choices: what a token asked for, layer after layer. `paths.hpp` has those of top-1 decisions with their
/// entropies; here also the other experts of a token count.

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/analysis/decisions.hpp"

namespace gmoe {

/// What of a token's choices in a layer is a step of its path.
enum class path_of {
  sets,          ///< all of them, in any order
  first_choices  ///< the best one
};

/// Ids within a layer, ascending.
using path_step = std::vector<id_type>;

/// The step of one token that chose `row`, the best first; nothing where it chose nobody.
inline path_step step_of(std::span<const id_type> row, path_of what) {
  path_step step;
  for (const id_type id : row) {
    if (id == no_choice) continue;
    step.push_back(id);
    if (what == path_of::first_choices) return step;
  }
  std::sort(step.begin(), step.end());
  return step;
}

/// A path through all routed layers, and how many tokens took it.
struct chosen_path {
  std::vector<path_step> steps;
  index_t count = 0;
};

namespace detail {

inline std::vector<path_step> steps_of(const routing_decisions& d, index_t token, path_of what) {
  std::vector<path_step> steps;
  for (index_t l = 0; l < d.layers(); ++l) steps.push_back(step_of(d.ids(l, token), what));
  return steps;
}

}  // namespace detail

/// The different paths of T tokens by falling count, the earlier seen first among equals.
inline std::vector<chosen_path> count_chosen_paths(const routing_decisions& d, path_of what) {
  const index_t tokens = detail::some_tokens(d, "count_chosen_paths");
  std::map<std::vector<path_step>, std::size_t> number;
  std::vector<chosen_path> paths;
  for (index_t t = 0; t < tokens; ++t) {
    std::vector<path_step> steps = detail::steps_of(d, t, what);
    const auto [at, is_new] = number.try_emplace(std::move(steps), paths.size());
    if (is_new) paths.push_back({at->first, 0});
    ++paths[at->second].count;
  }
  std::stable_sort(paths.begin(), paths.end(),
                   [](const chosen_path& a, const chosen_path& b) { return a.count > b.count; });
  return paths;
}

/// Share of the tokens that took one of these paths.
inline double share_on(const routing_decisions& d, std::span<const chosen_path> paths, path_of what) {
  const index_t tokens = detail::some_tokens(d, "share_on");
  std::set<std::vector<path_step>> there;
  for (const chosen_path& p : paths) there.insert(p.steps);
  index_t on = 0;
  for (index_t t = 0; t < tokens; ++t) on += there.contains(detail::steps_of(d, t, what));
  return static_cast<double>(on) / static_cast<double>(tokens);
}

}  // namespace gmoe
