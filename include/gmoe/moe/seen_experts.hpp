#pragma once
/// What is known of the experts that a layer sees, before anybody is routed.

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// What an expert is. A pool may have kinds of its own, with other numbers, for a body that knows them.
enum class expert_kind : index_t {
  ordinary,  ///< computes what the body says
  none,      ///< gives nothing (AdaMoE's null experts, MoE++'s zero experts)
  copy,      ///< gives x back
  constant,  ///< gives a mixture of x and a learned vector
};
inline std::string name_of(expert_kind kind) {
  constexpr std::array<std::string_view, 4> names{"ordinary", "none", "copy", "constant"};
  const auto number = static_cast<index_t>(kind);
  return number >= 0 && number < 4 ? std::string(names[static_cast<std::size_t>(number)]) : concat("kind ", number);
}

/// The experts that a layer sees, each list in their order. Made once, shared by all passes.
struct seen_experts {
  std::vector<id_type> ids;        ///< the pool's numbers
  std::vector<index_t> widths;     ///< hidden units
  std::vector<expert_kind> kinds;  ///< what they are
  std::vector<index_t> homes;      ///< whatever the pool groups them by, such as devices; else 0
  std::vector<index_t> exposure;   ///< how many mixtures of the model see each

  /// Those of one kind.
  struct group {
    std::vector<id_type> ids;      ///< the pool's numbers of them
    std::vector<id_type> numbers;  ///< of every expert of the layer: its place in `ids`; `no_choice` if of another kind
  };
  const group& of(expert_kind kind) const {
    for (const auto& [k, g] : groups_)
      if (k == kind) return g;
    return nobody_;
  }
  bool has(expert_kind kind) const { return !of(kind).ids.empty(); }
  bool all_ordinary() const { return of(expert_kind::ordinary).ids.size() == ids.size(); }

  /// Sorts them by kind, when the lists are there.
  void sort_by_kind() {
    nobody_.numbers.assign(ids.size(), no_choice);
    for (std::size_t e = 0; e < ids.size(); ++e) {
      auto found = std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g.first == kinds[e]; });
      if (found == groups_.end()) found = groups_.insert(found, {kinds[e], nobody_});
      found->second.numbers[e] = static_cast<id_type>(found->second.ids.size());
      found->second.ids.push_back(ids[e]);
    }
  }

 private:
  std::vector<std::pair<expert_kind, group>> groups_;
  group nobody_;
};

/// Shared, so that a recorded step can keep it.
using pool_view = std::shared_ptr<const seen_experts>;
/// The experts that a layer sees, by their numbers in the pool.
using expert_list = std::shared_ptr<const std::vector<id_type>>;

}  // namespace gmoe
