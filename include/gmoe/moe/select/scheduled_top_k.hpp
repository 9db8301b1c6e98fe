#pragma once
/// Fewer experts per token as training goes on (Sigma-MoE-Tiny, 2025).

#include <algorithm>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"

namespace gmoe {

/// The k_l(step) best experts: before step number `until` the l-th mixture takes the l-th number of `first`, at most N
/// and at least k; the mixtures behind the list, and all of them from that step on, take k. Evaluation goes by the step
/// that the model has come to.
struct scheduled_top_k {
  using slot = slots::select;
  index_t k = 1;
  std::vector<index_t> first{4, 4, 2, 2};
  index_t until = 1000;
  static constexpr auto fields =
      std::tuple{field{"k", &scheduled_top_k::k, "experts per token in the end", at_least(1)},
                 field{"first", &scheduled_top_k::first, "experts per token at first, mixture by mixture", at_least(1)},
                 field{"until", &scheduled_top_k::until, "steps of the first phase", at_least(0)}};

  index_t at_most(const layer_shape& l) const { return std::max(k, at_first(l)); }
  double experts_per_token(const layer_shape&) const { return static_cast<double>(k); }

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    const index_t now = at.step < until ? at_most(at.layer) : k;
    return r.mask.empty() ? choose_top_k(r.scores.value(), now) : choose_top_k(r.scores.value(), now, r.mask);
  }

 private:
  index_t at_first(const layer_shape& l) const {
    return l.moe_layer < std::ssize(first) ? std::min(first[static_cast<std::size_t>(l.moe_layer)], l.experts) : k;
  }
};

}  // namespace gmoe
