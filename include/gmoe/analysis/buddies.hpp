#pragma once
/// From what a text asked to an expert budget: who stays in memory, and who is whose buddy (BuddyMoE, Wang et al.
/// 2025).

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/analysis/expert_usage.hpp"
#include "gmoe/moe/expert_budget.hpp"

namespace gmoe {

/// Of each of N experts the others that may stand in for it, the most similar first.
using buddy_lists = std::vector<std::vector<id_type>>;

namespace detail {

/// The numbers 0 to N - 1 by falling `value`, the lower number first among equals.
template <class T>
std::vector<id_type> by_falling(std::span<const T> value) {
  std::vector<id_type> order(value.size());
  std::iota(order.begin(), order.end(), id_type(0));
  std::stable_sort(order.begin(), order.end(), [&](id_type a, id_type b) {
    return value[static_cast<std::size_t>(a)] > value[static_cast<std::size_t>(b)];
  });
  return order;
}

/// Layers whose experts are of one memory: those that see the same ones, directly or through others.
inline std::vector<std::vector<std::size_t>> pools_of(std::span<const layer_usage> usage) {
  std::vector<std::vector<std::size_t>> pools;
  const auto see_the_same = [&](std::size_t a, std::size_t b) {
    return usage[a].mixture == usage[b].mixture &&
           std::ranges::find_first_of(usage[a].pool->ids, usage[b].pool->ids) != usage[a].pool->ids.end();
  };
  for (std::size_t l = 0; l < usage.size(); ++l) {
    std::vector<std::size_t> pool{l};
    std::erase_if(pools, [&](const std::vector<std::size_t>& earlier) {
      if (std::ranges::none_of(earlier, [&](std::size_t other) { return see_the_same(l, other); })) return false;
      pool.insert(pool.end(), earlier.begin(), earlier.end());
      return true;
    });
    std::ranges::sort(pool);
    pools.push_back(std::move(pool));
  }
  std::ranges::sort(pools);
  return pools;
}

}  // namespace detail

/// Buddies by co-activation. With A_ej how often a token asked both e and j,
///     q(j | e) = A_ej / sum_i A_ei,
/// e's list has the fewest experts whose q add up to `alpha`, the most frequent first, the lower number among equals: 1
/// takes all that were ever asked with e. Where no token of the layer asked two experts, as with one expert per token,
/// A is of neighbouring tokens. Experts without weights are in no list and have none.
inline buddy_lists buddies_by_routing(const layer_usage& l, double alpha = 1) {
  require(alpha > 0 && alpha <= 1, "buddies_by_routing: alpha is ", alpha, ", expected above 0 and at most 1");
  const auto n = static_cast<std::size_t>(l.experts());
  const bool in_pairs = std::ranges::any_of(l.together, [](std::int64_t count) { return count > 0; });
  buddy_lists lists(n);
  for (std::size_t e = 0; e < n; ++e) {
    if (!l.has_weights(static_cast<index_t>(e))) continue;
    std::vector<std::int64_t> a(n);
    for (std::size_t j = 0; j < n; ++j)
      if (j != e && l.has_weights(static_cast<index_t>(j))) a[j] = (in_pairs ? l.together : l.in_turn)[e * n + j];
    const auto all = static_cast<double>(std::accumulate(a.begin(), a.end(), std::int64_t(0)));
    std::int64_t covered = 0;
    for (const id_type j : detail::by_falling(std::span<const std::int64_t>(a))) {
      const std::int64_t count = a[static_cast<std::size_t>(j)];
      if (count == 0 || static_cast<double>(covered) >= alpha * all) break;
      covered += count;
      lists[e].push_back(j);
    }
  }
  return lists;
}

/// Buddies by a similarity, N x N with rows of experts: all others that have weights, the most similar first, the lower
/// number among equals.
inline buddy_lists buddies_by_similarity(const layer_usage& l, std::span<const double> similarity) {
  const auto n = static_cast<std::size_t>(l.experts());
  require(similarity.size() == n * n, "buddies_by_similarity: ", similarity.size(), " numbers for ", n,
          " experts, expected ", n * n);
  require<data_error>(std::ranges::none_of(similarity, [](double s) { return std::isnan(s); }),
                      "buddies_by_similarity: a similarity is not a number");
  buddy_lists lists(n);
  for (std::size_t e = 0; e < n; ++e) {
    if (!l.has_weights(static_cast<index_t>(e))) continue;
    for (const id_type j : detail::by_falling(similarity.subspan(e * n, n)))
      if (static_cast<std::size_t>(j) != e && l.has_weights(j)) lists[e].push_back(j);
  }
  return lists;
}

/// Who stays in memory, by layer: the share `budget` of the experts of each pool, to the nearest number and at least
/// one, the most asked first, the lower number among equals. Layers that see the same experts share a memory. Where a
/// layer would have nobody, its most asked expert takes the place of the least asked that is not a layer's last.
/// Experts without weights are always there and are not counted. Throws config_error if the budget is too small for
/// that.
inline std::vector<std::vector<bool>> most_used(std::span<const layer_usage> usage, double budget) {
  require(budget > 0 && budget <= 1, "most_used: the budget is ", budget, ", expected above 0 and at most 1");
  std::vector<std::vector<bool>> in_memory(usage.size());
  for (const std::vector<std::size_t>& pool : detail::pools_of(usage)) {
    // Of each expert of the pool, by its number there.
    struct member {
      id_type id;
      std::int64_t asked;
    };
    std::vector<member> members;
    for (const std::size_t l : pool)
      for (index_t e = 0; e < usage[l].experts(); ++e) {
        if (!usage[l].has_weights(e)) continue;
        const id_type id = usage[l].pool->ids[static_cast<std::size_t>(e)];
        auto m = std::ranges::find(members, id, &member::id);
        if (m == members.end()) m = members.insert(m, {id, 0});
        m->asked += usage[l].asked[static_cast<std::size_t>(e)];
      }
    std::ranges::sort(
        members, [](const member& a, const member& b) { return a.asked != b.asked ? a.asked > b.asked : a.id < b.id; });
    const double share = std::round(budget * static_cast<double>(members.size()));
    const auto room = static_cast<std::size_t>(std::max(1.0, share));
    std::vector<id_type> stay;
    for (std::size_t m = 0; m < std::min(room, members.size()); ++m) stay.push_back(members[m].id);

    const auto stays = [&](id_type id) { return std::ranges::find(stay, id) != stay.end(); };
    const auto has_somebody = [&](std::size_t l) {
      for (index_t e = 0; e < usage[l].experts(); ++e)
        if (!usage[l].has_weights(e) || stays(usage[l].pool->ids[static_cast<std::size_t>(e)])) return true;
      return false;
    };
    for (const std::size_t l : pool) {
      if (has_somebody(l)) continue;
      const auto last = [&](std::size_t place) {  // of some layer
        const id_type id = std::exchange(stay[place], no_choice);
        const bool needed = std::ranges::any_of(pool, [&](std::size_t o) { return o < l && !has_somebody(o); });
        stay[place] = id;
        return needed;
      };
      std::size_t place = stay.size();
      while (place > 0 && last(place - 1)) --place;
      require(place > 0, "a budget of ", budget, " keeps ", stay.size(), " of ", members.size(),
              " experts, which leaves a layer with none: block ", usage[l].block, " and others see different ones");
      const auto most = std::ranges::find_if(members, [&](const member& m) {
        return std::ranges::find(usage[l].pool->ids, m.id) != usage[l].pool->ids.end();
      });
      stay.erase(stay.begin() + static_cast<std::ptrdiff_t>(place - 1));
      stay.push_back(most->id);
    }
    for (const std::size_t l : pool)
      for (index_t e = 0; e < usage[l].experts(); ++e)
        in_memory[l].push_back(!usage[l].has_weights(e) || stays(usage[l].pool->ids[static_cast<std::size_t>(e)]));
  }
  return in_memory;
}

/// The budget of all layers: `in_memory` and `buddies` are in their order.
inline expert_budget make_budget(std::span<const layer_usage> usage, const std::vector<std::vector<bool>>& in_memory,
                                 const std::vector<buddy_lists>& buddies, absence how = {}) {
  require(in_memory.size() == usage.size() && buddies.size() == usage.size(), "make_budget: ", in_memory.size(),
          " lists of who is in memory and ", buddies.size(), " of buddies for ", usage.size(), " layers");
  std::vector<expert_budget::layer> layers;
  for (std::size_t l = 0; l < usage.size(); ++l)
    layers.push_back({usage[l].mixture, usage[l].number, in_memory[l], buddies[l]});
  return expert_budget(std::move(layers), how);
}

}  // namespace gmoe
