#pragma once
/// A hard balance (Eigen et al. 2013): experts that have had more than their part rest.

#include <algorithm>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// In the first `steps` steps of training an expert may be asked if
///
///     G_i <= (1 + margin) mean_j G_j         G_i = sum of its scores over all tokens that the layer has trained on
///
/// with G as it was before the step; afterwards, and in evaluation, all may. Scores are made over those that may.
struct least_used {
  using slot = slots::candidates;
  double margin = 0.1;
  index_t steps = 500;
  static constexpr auto fields =
      std::tuple{field{"margin", &least_used::margin, "above the mean that an expert may have had", at_least(0)},
                 field{"steps", &least_used::steps, "in which experts may have to rest", at_least(0)}};

  template <class B>
  struct layer {
    buffer<B> totals;  ///< 1 x N, G
    buffer<B> open;    ///< 1 x N, ones for those that may be asked
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("totals", 1, l.experts, 0), make.constant_buffer("open", 1, l.experts, 1)};
  }
  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>&, const auto& my) const {
    return at.training && at.step < steps ? my.layer.open.value() : matrix<B>();
  }
  template <class B>
  void remember(const place<B>& at, const routing<B>& r) const {
    if (!at.training || at.step >= steps) return;
    const auto count = static_cast<double>(r.valid.among(r.scores.rows()));
    at.add_statistic("scores", scale(valid_means(r.scores, r.valid), count).value());
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    if (step >= steps) return;
    auto g = my.layer.totals.value().to_host();
    const std::vector<double>& more = seen.row("scores");
    double mean = 0;
    for (std::size_t i = 0; i < g.size(); ++i) {
      g[i] += static_cast<typename B::scalar>(more[i]);
      mean += static_cast<double>(g[i]) / static_cast<double>(g.size());
    }
    std::vector<typename B::scalar> open(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) open[i] = static_cast<double>(g[i]) <= (1 + margin) * mean;
    // The least used one may always be asked: rounding must not close everybody.
    open[static_cast<std::size_t>(std::min_element(g.begin(), g.end()) - g.begin())] = 1;
    my.layer.totals.value() = matrix<B>::from_host(g, 1, static_cast<index_t>(g.size()));
    my.layer.open.value() = matrix<B>::from_host(open, 1, static_cast<index_t>(open.size()));
  }
};

}  // namespace gmoe
