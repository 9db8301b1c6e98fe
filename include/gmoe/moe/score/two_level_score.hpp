#pragma once
/// SMILE's scores (He et al. 2022): first a node, then an expert of the node.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/outer_rows.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// Experts stand in n nodes of q = N / n, expert i q + j is number j of node i. Of n + q logits:
///     a = softmax of the first n,   b = softmax of the last q,   p_(i q + j) = a_i b_j
/// The best expert is the best of the best node; the numbers within a node mean the same in all nodes. Notes a as
/// "node_scores".
struct two_level_score {
  using slot = slots::score;
  index_t nodes = 2;  ///< n
  static constexpr auto fields = std::tuple{field{"nodes", &two_level_score::nodes, "nodes of experts", at_least(1)}};

  index_t columns(index_t experts) const {
    require(experts % nodes == 0, "score.nodes is ", nodes, ", expected a divisor of the ", experts,
            " experts that a layer sees");
    return nodes + experts / nodes;
  }
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    const variable<B> a = softmax_rows(columns_of(r.logits, 0, nodes));
    const variable<B> b = softmax_rows(columns_of(r.logits, nodes, r.experts / nodes));
    r.note("node_scores", a);
    return outer_rows(a, b);
  }
};

}  // namespace gmoe
