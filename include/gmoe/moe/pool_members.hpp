#pragma once
/// The experts of a pool, one by one, and which of them every layer sees.

#include <memory>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/moe/experts/visible_experts.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/seen_experts.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

struct pool_members {
  std::vector<index_t> widths;     ///< hidden units of every expert
  std::vector<expert_kind> kinds;  ///< and what they are
  std::vector<index_t> homes;      ///< and where they belong

  void add(expert_kind kind, index_t width, index_t home) {
    const bool has_units = kind == expert_kind::ordinary || kind > expert_kind::constant;
    widths.push_back(has_units ? width : 0);
    kinds.push_back(kind);
    homes.push_back(home);
  }

  /// What layers see whose experts are listed in `ids`. Throws config_error unless each list, which is that of the
  /// block of its place in `blocks`, names experts of the pool, each once.
  std::vector<pool_view> views(std::vector<std::vector<id_type>> ids, const std::vector<index_t>& blocks) const {
    std::vector<index_t> exposure(widths.size());
    for (std::size_t l = 0; l < ids.size(); ++l) {
      check(ids[l], blocks[l]);
      for (const id_type e : ids[l]) ++exposure[static_cast<std::size_t>(e)];
    }
    std::vector<pool_view> all;
    for (std::vector<id_type>& of_layer : ids) all.push_back(view(std::move(of_layer), exposure));
    return all;
  }

 private:
  void check(const std::vector<id_type>& ids, index_t block) const {
    std::vector<bool> listed(widths.size());
    for (const id_type e : ids) {
      require(e >= 0 && e < std::ssize(widths), "block ", block, " lists expert ", e,
              ", but the pool has experts 0 to ", std::ssize(widths) - 1);
      require(!listed[static_cast<std::size_t>(e)], "block ", block, " lists expert ", e,
              " more than once, expected every expert at most once");
      listed[static_cast<std::size_t>(e)] = true;
    }
  }
  pool_view view(std::vector<id_type> ids, const std::vector<index_t>& exposure) const {
    const auto seen = std::make_shared<seen_experts>();
    for (const id_type id : ids) {
      const auto e = static_cast<std::size_t>(id);
      seen->widths.push_back(widths[e]);
      seen->kinds.push_back(kinds[e]);
      seen->homes.push_back(homes[e]);
      seen->exposure.push_back(exposure[e]);
    }
    seen->ids = std::move(ids);
    seen->sort_by_kind();
    return seen;
  }
};

/// Those of a pool whose experts are computed by that body, for so many mixtures.
template <class Body, class Pool>
pool_members members_of(const Pool& pool, const sizes& s, index_t moe_layers) {
  pool_members all;
  for (index_t e = 0, count = ask<hooks::total>(pool, nothing{}, s, moe_layers); e < count; ++e) {
    expert_kind kind = expert_kind::ordinary;
    if constexpr (answers<hooks::kind, Pool, nothing, const sizes&, index_t>)
      kind = ask<hooks::kind>(pool, nothing{}, s, e);
    if constexpr (!requires { Body::mixes_kinds; })
      require(kind == expert_kind::ordinary, "expert ", e, " of the pool is of the kind '", name_of(kind),
              "', but the card's body computes ordinary experts alone: it takes special_experts<...>");
    index_t width = s.d_ff, home = 0;
    if constexpr (answers<hooks::width, Pool, nothing, const sizes&, index_t>)
      width = ask<hooks::width>(pool, nothing{}, s, e);
    if constexpr (answers<hooks::home, Pool, nothing, const sizes&, index_t>)
      home = ask<hooks::home>(pool, nothing{}, s, e);
    all.add(kind, width, home);
  }
  return all;
}

/// What each of the mixtures in these blocks sees of the pool.
template <class Pool>
std::vector<pool_view> views_of(const Pool& pool, const pool_members& members, const sizes& s,
                                const std::vector<index_t>& blocks) {
  std::vector<std::vector<id_type>> ids;
  for (index_t l = 0; l < std::ssize(blocks); ++l) ids.push_back(visible_experts(pool, s, l, std::ssize(blocks)));
  return members.views(std::move(ids), blocks);
}

}  // namespace gmoe
