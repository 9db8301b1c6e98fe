#pragma once
/// Null experts beside a pool's own (AdaMoE, Zeng et al. 2024): a token that asks them computes less.

#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/experts/visible_experts.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// Every layer sees q experts that give 0, behind those of `Pool`. All that they have is a row of the router, so that
/// it is the same q for all layers: numbers 0 to q - 1 of the whole pool. The card's body is special_experts of an
/// ordinary one.
template <class Pool>
struct with_nulls {
  using slot = slots::experts;
  Pool of{};
  index_t nulls = 4;  ///< q
  static constexpr auto fields =
      std::tuple{field{"nulls", &with_nulls::nulls, "null experts that every layer sees", at_least(0)}};

  index_t total(const sizes& s, index_t moe_layers) const { return nulls + of.total(s, moe_layers); }
  std::vector<id_type> visible(const sizes& s, index_t layer, index_t moe_layers) const {
    std::vector<id_type> ids = visible_experts(of, s, layer, moe_layers);
    for (id_type& e : ids) e += static_cast<id_type>(nulls);
    for (index_t e = 0; e < nulls; ++e) ids.push_back(static_cast<id_type>(e));
    return ids;
  }
  expert_kind kind(const sizes& s, index_t e) const {
    if (e < nulls) return expert_kind::none;
    if constexpr (answers<hooks::kind, Pool, nothing, const sizes&, index_t>)
      return ask<hooks::kind>(of, nothing{}, s, e - nulls);
    else
      return expert_kind::ordinary;
  }
  index_t width(const sizes& s, index_t e) const {
    if (e < nulls) return 0;
    if constexpr (answers<hooks::width, Pool, nothing, const sizes&, index_t>)
      return ask<hooks::width>(of, nothing{}, s, e - nulls);
    else
      return s.d_ff;
  }
};

}  // namespace gmoe
