#pragma once
/// Experts of clusters of tokens, found by K-means instead of gradients (after MixER, 2025).

#include <algorithm>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/distances.hpp"
#include "gmoe/ops/embedding.hpp"

namespace gmoe {

/// z_i = -|x - c_i|, c a buffer: nothing of it is trained. After every step, for the experts that were asked,
///
///     c_i <- c_i + rate (mean of x over the tokens that chose i - c_i)
///
/// over all training passes of the step.
struct clustered_router {
  using slot = slots::router;
  double rate = 0.1;
  static constexpr auto fields =
      std::tuple{field{"rate", &clustered_router::rate, "of the way to the tokens' mean, per step", between(0, 1)}};

  template <class B>
  struct layer {
    buffer<B> centroids;  ///< N x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    parameter<B> first = make.normal("centroids", l.columns, l.d_model, 1);
    if (make.mode() == build_mode::shapes_only) return {buffer<B>(first.name(), {})};
    return {buffer<B>(first.name(), first.value())};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return scale(row_distances(x, at.constant(my.layer.centroids.value())), -1);
  }
  template <class B>
  void remember(const place<B>& at, const routing<B>& r) const {
    if (!at.training) return;
    const variable<B> ones(matrix<B>::filled(r.chosen.rows(), r.chosen.cols(), typename B::scalar(1)));
    matrix<B> sums(r.experts, r.input.cols());
    B::gemm(op::transpose, op::none, 1, scatter_elements(ones, r.chosen, r.experts).value().view(),
            r.input.value().view(), 0, sums.view());
    at.add_statistic("inputs", sums.reshaped(1, sums.size()));
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& seen, const auto& my) const {
    matrix<B>& centroids = my.layer.centroids.value();
    const std::vector<double>& sums = seen.row("inputs");
    auto c = centroids.to_host();
    const std::size_t d = c.size() / seen.load.size();
    for (std::size_t i = 0; i < c.size(); ++i)
      if (const auto load = static_cast<double>(seen.load[i / d]); load > 0)
        c[i] += static_cast<typename B::scalar>(rate * (sums[i] / load - static_cast<double>(c[i])));
    centroids = matrix<B>::from_host(c, centroids.rows(), centroids.cols());
  }
};

}  // namespace gmoe
