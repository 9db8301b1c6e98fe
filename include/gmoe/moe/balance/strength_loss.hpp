#pragma once
/// Even use of experts that have no shares of one whole, and enough of it (Dynamic Subspace Composition, Khasia 2025).

#include <algorithm>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// alpha N sum_j m_j^2 + budget max(least - mean_t S_t, 0)^2 for each layer: m the mean over the tokens of softmax(z),
/// S the sum of a token's scores over the experts that it asked for.
struct strength_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "strength";
  double alpha = 0.01, budget = 0.01, least = 1;
  static constexpr auto fields =
      std::tuple{field{"alpha", &strength_loss::alpha, "coefficient of squared mean shares", at_least(0)},
                 field{"budget", &strength_loss::budget, "coefficient of the lack of strength", at_least(0)},
                 field{"least", &strength_loss::least, "mean strength that lacks nothing", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    const variable<B> p = r.mask.empty() ? softmax_rows(r.logits) : masked_softmax_rows(r.logits, r.mask);
    const variable<B> even = sum(square(valid_means(p, r.valid)));
    const variable<B> strength = valid_means(row_sums(gather_elements(r.scores, r.chosen)), r.valid);
    const variable<B> lack =
        relu(subtract(at.constant(matrix<B>::filled(1, 1, static_cast<typename B::scalar>(least))), strength));
    return add(scale(even, alpha * static_cast<double>(r.experts)), scale(square(lack), budget));
  }
};

}  // namespace gmoe
