#pragma once
/// Neighbouring experts of a pool in groups of equally many, which share something.

#include <algorithm>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/moe/bank.hpp"

namespace gmoe {

/// Expert e of the pool is in group e / size. Layers see whole groups.
struct expert_groups {
  index_t size = 1;   ///< experts of each
  index_t count = 0;  ///< groups of the whole pool

  /// Groups of `size` experts; 0: of all that a layer sees. Throws config_error, calling the number `name`, where a
  /// layer would see a part of a group.
  static expert_groups in(const pool_shape& pool, index_t size, const char* name) {
    const index_t layer = pool.of_a_layer > 0 ? pool.of_a_layer : pool.experts();
    const index_t each = size == 0 ? layer : size;
    require(layer % each == 0 && pool.experts() % each == 0, "a layer's ", layer, " of ", pool.experts(),
            " experts are no whole groups of ", name, " = ", each);
    return {each, pool.experts() / each};
  }

  /// The groups of the experts that a layer sees.
  struct seen {
    std::vector<id_type> ids;      ///< the pool's numbers of the groups
    std::vector<id_type> numbers;  ///< of every expert: the place of its group in `ids`
  };
  seen among(const std::vector<id_type>& experts) const {
    seen all;
    for (const id_type e : experts) {
      const auto group = static_cast<id_type>(e / size);
      auto found = std::find(all.ids.begin(), all.ids.end(), group);
      if (found == all.ids.end()) found = all.ids.insert(found, group);
      all.numbers.push_back(static_cast<id_type>(found - all.ids.begin()));
    }
    return all;
  }
  /// The group whose experts a layer sees, all of them and in order. Throws config_error, calling the body `what`, if
  /// it sees others.
  index_t only(const std::vector<id_type>& experts, index_t block, const char* what) const {
    const index_t group = experts.front() / size;
    bool whole = std::ssize(experts) == size;
    for (std::size_t e = 0; e < experts.size(); ++e) whole &= experts[e] == group * size + static_cast<index_t>(e);
    require(whole, "block ", block, ": ", what, " of a layer belong together, but it does not see just those of one");
    return group;
  }
};

}  // namespace gmoe
