#pragma once
/// DynMoE's selection and weights (Guo et al. 2024): the experts whose threshold a token exceeds, each with the same
/// weight.

#include <algorithm>

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/reduce.hpp"

namespace gmoe {

/// The experts with a score above 0, best first: none, some or all. In evaluation a token that has none takes its best.
struct open_experts {
  using slot = slots::select;
  index_t at_most(const layer_shape& l) const { return l.experts; }
  /// At first: thresholds lie in the middle of the scores.
  double experts_per_token(const layer_shape& l) const { return std::max(1.0, static_cast<double>(l.experts) / 2); }

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    const matrix<B>& z = r.scores.value();
    id_matrix<B> choice = r.mask.empty() ? choose_top_k(z, r.experts) : choose_top_k(z, r.experts, r.mask);
    matrix<B> excess = gather_elements(variable<B>(z), choice).value();
    if (!at.training) B::fill(excess.view().col_block(0, 1), typename B::scalar(1));
    B::keep_where(choice.view(), excess.view());
    return choice;
  }
};

/// w = b / max(K, 1) for each of a token's K experts: b is 1, and in training has the gradient of its score where that
/// is above 0. K is a constant.
struct open_share {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r) const {
    const variable<B> ones = at.constant(matrix<B>::filled(r.scores.rows(), r.experts, 1));
    const variable<B> filled = gather_elements(ones, r.chosen);
    const variable<B> share = reciprocal(clamp(row_sums(filled), 1, static_cast<double>(r.experts)));
    return multiply_col(at.training ? open_gate(gather_elements(r.scores, r.chosen)) : filled, share);
  }
};

}  // namespace gmoe
