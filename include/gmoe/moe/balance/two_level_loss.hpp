#pragma once
/// SMILE's balance losses (He et al. 2022): of nodes, and of the places within them.

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// alpha n sum_i f_i P_i + beta q sum_j f_j R_j: f_i is the share of the pairs that went to node i, f_j of those that
/// went to number j of any node, P and R the means of the two softmaxes. Reads "node_scores" of two_level_score.
struct two_level_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "two_level";
  double alpha = 0.01, beta = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &two_level_loss::alpha, "coefficient of the loss on nodes", at_least(0)},
                 field{"beta", &two_level_loss::beta, "coefficient of the loss within nodes", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    const index_t n = r.noted("node_scores").cols(), q = r.experts / n;
    // Both softmaxes are marginals of their product.
    const variable<B> f = reshape(chosen_fractions(r), n, q), p = reshape(mean_scores(r), n, q);
    return add(scale(dot(row_sums(p), row_sums(f)), alpha * static_cast<double>(n)),
               scale(dot(col_sums(p), col_sums(f)), beta * static_cast<double>(q)));
  }
};

}  // namespace gmoe
