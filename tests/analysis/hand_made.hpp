#pragma once
/// Routings written down by hand, for the tests of this folder.

#include <initializer_list>
#include <numeric>
#include <vector>

#include "gmoe/analysis/decisions.hpp"

namespace hand_made {

using gmoe::index_t;
using ids = std::vector<gmoe::id_type>;

/// 0, 1, ..., n - 1 as global ids: one pool for every layer that uses it.
inline ids shared_pool(index_t n) {
  ids pool(n);
  std::iota(pool.begin(), pool.end(), 0);
  return pool;
}

/// One row per id with score 1 for that expert.
inline std::vector<double> one_hot(const ids& chosen, index_t experts) {
  std::vector<double> scores(chosen.size() * experts, 0.0);
  for (std::size_t t = 0; t < chosen.size(); ++t) scores[t * experts + chosen[t]] = 1;
  return scores;
}

/// Layers (at blocks 0, 1, ...) with k = 1: layer l sends token t to top1[l][t], with certainty.
inline gmoe::routing_decisions top1(index_t experts, const std::vector<ids>& top1, index_t sequence_length = 0,
                                    bool shared = false) {
  gmoe::routing_decisions d(sequence_length);
  for (std::size_t l = 0; l < top1.size(); ++l) {
    d.add_layer(static_cast<index_t>(l), experts, 1, shared ? shared_pool(experts) : ids{});
    d.append(static_cast<index_t>(l), one_hot(top1[l], experts), top1[l]);
  }
  return d;
}

}  // namespace hand_made
