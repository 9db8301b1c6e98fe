#pragma once
/// COMET's gate (Ibrahim et al., KDD 2023): k decision trees over the experts, each of which sends a token to about one
/// leaf, and learns to.
///
///     s_ji = S(u_ji x + b_ji)                      node i of tree j: the share that goes left; S: the smooth step
///     v_je = product of s (left) or 1 - s (right)  over the nodes on the way to leaf e: sums to one over a tree's
///     leaves a_je = q_je x + c_je                         what a leaf says of the token w_e  = sum_j v_je exp(a_je) /
///     sum_je v_je exp(a_je)
///
/// S is exactly 0 and 1 outside of a width, so that v is exactly 0 on most leaves when the trees have become sure: at
/// most k weights are left. Where v is 0 its gradient is 0 too, so that experts of weight 0 need not be computed.

#include <algorithm>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/softmax.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// Its logits are the weights w, T x N. A tree over N experts has N - 1 nodes, numbered level by level: those below
/// node i are 2 i + 1 (left) and 2 i + 2, as far as they are nodes; leaves are the experts from left to right. With an
/// N that is no power of two the leaves at the left lie one level deeper. In training the entropy of the trees is a
/// loss:
///
///     tree_entropy = (entropy / M) sum over layers of the mean over tokens of sum_j H(v_j)
struct tree_router {
  using slot = slots::router;
  static constexpr bool makes_scores = true;
  index_t trees = 2;      ///< k
  double softness = 1;    ///< of the smooth step, from surely right to surely left
  double entropy = 0.01;  ///< weight of the entropy's loss
  static constexpr auto fields = std::tuple{
      field{"trees", &tree_router::trees, "decision trees, each of which ends at about one expert", at_least(1)},
      field{"softness", &tree_router::softness, "of a node's smooth step, beyond which it is sure", above(0)},
      field{"entropy", &tree_router::entropy, "weight of the trees' entropy in the loss", at_least(0)}};

  /// Of trees that are sure.
  double experts_per_token(const layer_shape& l) const { return static_cast<double>(std::min(trees, l.experts)); }

  /// A row for every node or leaf, tree after tree.
  template <class B>
  struct layer {
    parameter<B> nodes, node_bias;   ///< u: k (N - 1) x d, b
    parameter<B> leaves, leaf_bias;  ///< q: k N x d, c
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    const index_t inner = trees * (l.experts - 1), outer = trees * l.experts;
    return {make.uniform("nodes", inner, l.d_model, softness / 100),
            make.uniform("node_bias", 1, inner, softness / 100), make.uniform("leaves", outer, l.d_model, 0.05),
            make.uniform("leaf_bias", 1, outer, 0.05)};
  }

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return sum_over_trees(leaf_weights(at, x, my.layer), at.layer.experts);
  }
  /// The weight of every leaf of every tree, T x k N.
  template <class B>
  variable<B> leaf_weights(const place<B>& at, const variable<B>& x, const layer<B>& my) const {
    const index_t n = at.layer.experts;
    const variable<B> says = add_row(matmul(x, at.use(my.leaves), op::transpose), at.use(my.leaf_bias));
    if (n == 1) return softmax_rows(says);
    const variable<B> a = add_row(matmul(x, at.use(my.nodes), op::transpose), at.use(my.node_bias));
    const variable<B> v = reshape(reach_leaves(at, a, n), x.rows(), trees * n);
    if (at.training && entropy > 0)
      at.add_loss("tree_entropy", scale(valid_means(row_sums(x_log_x(v)), at.valid),
                                        -entropy / static_cast<double>(at.layer.moe_layers)));
    // v exp(a) / sum = softmax(a + log v) over the leaves that are reached.
    return masked_softmax_rows(add(says, log(clamp(v, smallest, 2))), v.value());
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logits_for_scores<Card>,
                  "gmoe: tree_router makes weights, which are scores as they are: the card takes plain_score");
    static_assert(has_logit_per_expert<Card>,
                  "gmoe: tree_router makes one weight per expert, but the card's score asks for other columns");
    return true;
  }

 private:
  static constexpr double smallest = 1.2e-38;  // the logarithm of what is 0 is not asked

  /// The share of each leaf, T k x N, from what the nodes see, T x k (N - 1).
  template <class B>
  variable<B> reach_leaves(const place<B>& at, const variable<B>& a, index_t n) const {
    const index_t rows = a.rows() * trees, nodes = n - 1;
    const variable<B> seen = reshape(a, a.size(), 1);
    // Both ways of every node beside each other: 1 - S(a) = S(-a).
    const variable<B> ways =
        reshape(concat_cols(smooth_step(seen, softness), smooth_step(scale(seen, -1), softness)), rows, 2 * nodes);
    variable<B> v = at.constant(matrix<B>::filled(rows, 1, typename B::scalar(1)));
    for (index_t first = 0; first < nodes;) {  // the nodes of a level, then those below
      const index_t level = v.cols(), split = std::min(level, nodes - first);
      const variable<B> below = multiply(group_repeat(split < level ? columns_of(v, 0, split) : v, 2),
                                         columns_of(ways, 2 * first, 2 * split));
      v = split < level ? concat_cols(below, columns_of(v, split, level - split)) : below;
      first += split;
    }
    return v;
  }
  /// T x k N to T x N.
  template <class B>
  variable<B> sum_over_trees(const variable<B>& w, index_t n) const {
    variable<B> sum = columns_of(w, 0, n);
    for (index_t j = 1; j < trees; ++j) sum = add(sum, columns_of(w, j * n, n));
    return sum;
  }
};

}  // namespace gmoe
