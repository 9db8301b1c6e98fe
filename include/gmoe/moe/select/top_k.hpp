#pragma once
/// Token choice: every token takes its k best experts.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"

namespace gmoe {

/// The k largest scores among those that may be asked, largest first, NaNs before all numbers, ties towards the lower
/// index; fewer where there are fewer. K counts whole experts:
/// of a fine-grained pool as many parts are chosen as make up k experts, less those that the pool sets aside for every
/// token (Dai et al. 2024: g k - K).
struct top_k {
  using slot = slots::select;
  index_t k = 1;
  static constexpr auto fields = std::tuple{field{"k", &top_k::k, "experts per token", at_least(1)}};

  index_t at_most(const layer_shape& l) const {
    require(k * l.granularity > l.shared_experts, "shared_experts = ", l.shared_experts,
            " leaves none of granularity * k = ", k * l.granularity, " active experts to route to");
    return k * l.granularity - l.shared_experts;
  }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    const index_t parts = at_most(at.layer);
    return r.mask.empty() ? choose_top_k(r.scores.value(), parts) : choose_top_k(r.scores.value(), parts, r.mask);
  }
};

}  // namespace gmoe
