#pragma once
/// Weights that leave null experts out (AdaMoE, Zeng et al. 2024).

#include <vector>

#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/normalize.hpp"

namespace gmoe {

/// w = p / (sum of p over the asked experts that are not null + 1e-9), 0 for null experts: weights sum to one where a
/// token asks any expert that computes something. One that asks a single one of these gives it weight 1, whose gradient
/// is zero.
struct scores_over_ordinary {
  using slot = slots::gate;

  template <class B>
  struct layer {
    matrix<B> counts;  ///< 1 x N: 0 for null experts, else 1
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    std::vector<typename B::scalar> marks;
    for (const expert_kind kind : l.pool->kinds) marks.push_back(kind == expert_kind::none ? 0 : 1);
    return {matrix<B>::from_host(marks, 1, l.experts)};
  }
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r, const auto& my) const {
    return normalize_sums(gather_elements(mask_cols(r.scores, my.layer.counts), r.chosen), 1e-9);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: scores_over_ordinary divides by a sum of scores, but the card's scores are logits, which may "
                  "be negative: it takes another score, such as softmax_score");
    return true;
  }
};

}  // namespace gmoe
