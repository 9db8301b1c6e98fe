#pragma once
/// More and more of the experts that other layers have brought (the progressive scaling routing of ReXMoE, Tan et al.
/// 2025).

#include <cstdint>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/choose.hpp"

namespace gmoe {

/// Of the N experts that a layer sees, n are its own: those whose home in the pool is the layer. In step t, counted
/// from 1, the own ones and a random part of the others are open, N_t of them together:
///
///     N_t = n                                                   t <= start
///         = floor(n + (N - n) (t - start) / (end - start))      start < t <= end
///         = N                                                   t > end
///
/// drawn once per step and layer, the same for all tokens. Where nothing is drawn, in evaluation, the others are all
/// open as soon as any is: by then every one of them has had its steps.
struct growing_reuse {
  using slot = slots::candidates;
  index_t start = 120, end = 360;
  static constexpr auto fields =
      std::tuple{field{"start", &growing_reuse::start, "the last step with a layer's own experts alone", at_least(0)},
                 field{"end", &growing_reuse::end, "the first step with all that the layer sees", at_least(0)}};

  template <class B>
  struct layer {
    index_t own = 0;  ///< n
    matrix<B> ours;   ///< 1 x N, ones for them
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    require(start <= end, "candidates.end = ", end, " comes before candidates.start = ", start);
    std::vector<typename B::scalar> ours;
    index_t own = 0;
    for (const index_t home : l.pool->homes) {
      own += home == l.moe_layer;
      ours.push_back(home == l.moe_layer ? 1 : 0);
    }
    require(own > 0, "block ", l.block,
            ": growing_reuse begins with the layer's own experts, but the pool says of none "
            "that its home is layer ",
            l.moe_layer);
    if (make.mode() == build_mode::shapes_only) return {};
    return {own, matrix<B>::from_host(ours, 1, l.experts)};
  }

  /// N_t of N, n of which are the layer's own, in the step after `steps`.
  index_t open(std::int64_t steps, index_t all, index_t own) const {
    const std::int64_t t = steps + 1;
    if (t <= start) return own;
    return t >= end ? all : own + (all - own) * (t - start) / (end - start);
  }
  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>& r, const auto& my) const {
    const index_t all = r.experts, own = my.layer.own, now = open(at.step, all, own);
    if (now == all || (now > own && !at.training)) return {};
    if (now == own) return my.layer.ours;
    using scalar = typename B::scalar;
    matrix<B> order(1, all), mask(1, all);  // by draws in [0, 1), and own experts before all others
    B::fill_uniform(order.view(), scalar(0), scalar(1), at.step_stream(random_site::selection).fork("candidates"));
    if (at.observer) at.observer->see_draw("candidates_draw", at.block, order);
    B::map(order.view(), 0, fn::plus_scaled<scalar>{2}, std::as_const(order).view(), my.layer.ours.view());
    B::one_hot(mask.view(), choose_top_k(order, now).view());
    return mask;
  }
};

}  // namespace gmoe
