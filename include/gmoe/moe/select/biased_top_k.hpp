#pragma once
/// Balance without a loss (Wang et al. 2024): a bias that only the choice sees follows the load. With groups of
/// experts, of which a token visits few (DeepSeek-V3's node-limited routing).

#include <cmath>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/select/top_k.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/masked.hpp"

namespace gmoe {

/// The k largest of p + b. With G > 1 groups of N / G neighbours: those of the `visited` groups with the largest sums
/// of their two best p + b (the lower group first among equals). After every step up to number `frozen_after`
///
///     b_i += rate sign(mean load - load_i)
///
/// over the pairs of all passes of the step. k counts whole experts, as that of top_k.
struct biased_top_k {
  using slot = slots::select;
  index_t k = 2;
  double rate = 1e-3;
  index_t frozen_after = 0;
  index_t groups = 1;
  index_t visited = 1;
  static constexpr auto fields = std::tuple{
      field{"k", &biased_top_k::k, "experts per token", at_least(1)},
      field{"rate", &biased_top_k::rate, "by which a bias changes in a step", at_least(0)},
      field{"frozen_after", &biased_top_k::frozen_after, "steps in which biases change; 0: all", at_least(0)},
      field{"groups", &biased_top_k::groups, "groups of experts, such as machines", at_least(1)},
      field{"visited", &biased_top_k::visited, "groups that a token may visit", at_least(1)}};

  template <class B>
  struct layer {
    buffer<B> bias;  ///< 1 x N
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("bias", 1, l.experts, 0)};
  }
  index_t at_most(const layer_shape& l) const {
    const index_t n = top_k{k}.at_most(l);
    require(l.experts % groups == 0, "select.groups is ", groups, ", expected a divisor of the layer's ", l.experts,
            " experts");
    require(visited <= groups, "select.visited is ", visited, ", expected at most select.groups, ", groups);
    require(n <= l.experts / groups * visited, "select.k asks for ", n, " experts, but the ", visited,
            " groups that a token visits have ", l.experts / groups * visited);
    return n;
  }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    matrix<B> biased(r.scores.rows(), r.experts);
    B::map_with_row(biased.view(), 0, fn::plus{}, r.scores.value().view(), my.layer.bias.value().view());
    const index_t parts = at_most(at.layer);
    if (visited == groups) return r.mask.empty() ? choose_top_k(biased, parts) : choose_top_k(biased, parts, r.mask);
    const variable<B> open = open_groups(at.constant(biased), r);
    return choose_top_k(biased, parts, r.mask.empty() ? open.value() : mask_cols(open, r.mask).value());
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    if (frozen_after > 0 && step >= frozen_after) return;
    auto b = my.layer.bias.value().to_host();
    const auto n = static_cast<index_t>(b.size());
    for (std::size_t e = 0; e < b.size(); ++e) {
      const index_t above_mean = n * seen.load[e] - seen.pairs;  // whole numbers: even is even
      b[e] += static_cast<typename B::scalar>(above_mean < 0 ? rate : above_mean > 0 ? -rate : 0);
    }
    my.layer.bias.value() = matrix<B>::from_host(b, 1, n);
  }

 private:
  /// Ones for the experts of the groups that each token visits, T x N. Who may not be asked does not speak for a group.
  template <class B>
  variable<B> open_groups(const variable<B>& biased, const routing<B>& r) const {
    const index_t rows = biased.rows(), n = r.experts / groups;
    const variable<B> seen = reshape(r.mask.empty() ? biased : mask_cols(biased, r.mask), rows * groups, n);
    const variable<B> two = gather_elements(seen, choose_top_k(seen.value(), std::min<index_t>(2, n)));
    const id_matrix<B> best = choose_top_k(reshape(row_sums(two), rows, groups).value(), visited);
    const variable<B> ones(matrix<B>::filled(rows, visited, typename B::scalar(1)), biased.recorded_on(), false);
    return group_repeat(scatter_elements(ones, best, groups), n);
  }
};

}  // namespace gmoe
