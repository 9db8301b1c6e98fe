#pragma once
/// COMET+ (Ibrahim et al., KDD 2023): which expert is at which leaf is learned in the first steps, and fixed then.
///
///     P_j = Sinkhorn(O_j / t)          O_j: N x N, of tree j; t falls from `warm` to `cold`
///     w   = sum_j m_j P_j              m_j: the weights of tree j's leaves, 1 x N
///
/// After the last of these steps P_j is the permutation that O_j likes most.

#include <cmath>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/router/best_assignment.hpp"
#include "gmoe/moe/router/tree_router.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/ops/columns.hpp"

namespace gmoe {

/// Sinkhorn(Z): columns and rows of exp(Z) in turns made to sum to one, `rounds` times, rows last. While the order is
/// learned every token may ask all experts; then the weights are as sparse as the trees.
struct ordered_trees {
  using slot = slots::router;
  static constexpr bool makes_scores = true;
  tree_router of{};
  index_t steps = 500;
  index_t rounds = 20;
  double warm = 0.01, cold = 0.001;
  static constexpr auto fields = std::tuple{
      field{"steps", &ordered_trees::steps, "in which the order of the leaves is learned", at_least(1)},
      field{"rounds", &ordered_trees::rounds, "of Sinkhorn's normalisation", at_least(1)},
      field{"warm", &ordered_trees::warm, "temperature of the order before the first of these steps", above(0)},
      field{"cold", &ordered_trees::cold, "and in the last one", above(0)}};

  template <class B>
  struct layer {
    tree_router::layer<B> trees;
    parameter<B> order;  ///< O: k N x N, a row for every leaf
    buffer<B> fixed;     ///< P when it is learned: zeros and ones; at first leaf e is expert e
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    const index_t n = l.experts, leaves = of.trees * n;
    layer<B> made{of.make_layer(make, l), make.uniform("order", leaves, n, 0.05),
                  make.constant_buffer("fixed_order", leaves, n, 0)};
    if (make.mode() == build_mode::shapes_only) return made;
    std::vector<typename B::scalar> in_order(static_cast<std::size_t>(leaves * n), 0);
    for (index_t i = 0; i < leaves; ++i) in_order[static_cast<std::size_t>(i * n + i % n)] = 1;
    made.fixed.value() = matrix<B>::from_host(in_order, leaves, n);
    return made;
  }

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> leaves = of.leaf_weights(at, x, my.layer.trees);
    if (at.step >= steps) return matmul(leaves, at.constant(my.layer.fixed.value()));
    const index_t n = at.layer.experts;
    variable<B> z = scale(at.use(my.layer.order), 1 / temperature(at.step));
    for (index_t i = 0; i < rounds; ++i)
      z = log_softmax_rows(transpose_groups(log_softmax_rows(transpose_groups(z, n)), n));
    return matmul(leaves, exp(z));
  }

  void before_step(std::int64_t step, const auto& my) const { my.layer.order.set_trained(step < steps); }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>&, const auto& my) const {
    if (step + 1 == steps) fix<B>(my.layer);
  }
  /// P becomes the permutation of each tree that O likes most.
  template <class B>
  void fix(layer<B>& my) const {
    const index_t n = my.order.cols();
    const auto likes = my.order.value().to_host();
    std::vector<typename B::scalar> ones(likes.size(), 0);
    for (index_t j = 0; j < of.trees; ++j) {
      const auto first = static_cast<std::size_t>(j * n * n);
      const std::vector<double> mine(likes.begin() + static_cast<std::ptrdiff_t>(first),
                                     likes.begin() + static_cast<std::ptrdiff_t>(first) + n * n);
      const std::vector<index_t> expert = best_assignment(mine, n);
      for (index_t leaf = 0; leaf < n; ++leaf)
        ones[first + static_cast<std::size_t>(leaf * n + expert[static_cast<std::size_t>(leaf)])] = 1;
    }
    my.fixed.value() = matrix<B>::from_host(ones, my.order.rows(), n);
  }

 private:
  double temperature(std::int64_t step) const {
    return warm * std::pow(cold / warm, static_cast<double>(step + 1) / static_cast<double>(steps));
  }
};

}  // namespace gmoe
