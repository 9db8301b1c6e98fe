#pragma once
/// A quota of each sequence's tokens, asked for as they come (the causal form of UoE's quota, Yang et al. 2025).

#include <cmath>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/prefix_means.hpp"

namespace gmoe {

/// The pair of a sequence's token number n (from 1) and an expert is kept if at most ceil(share n) of its first n
/// tokens, itself included, have asked for that expert. It looks at what came before alone, so that it holds in
/// evaluation and generation as in training; with a share of 1 everything is kept.
struct prefix_quota {
  using slot = slots::capacity;
  static constexpr reach reaches = reach::past;
  double share = 0.5;
  static constexpr auto fields =
      std::tuple{field{"share", &prefix_quota::share, "of a sequence's tokens so far that an expert takes",
                       limits{.least = 0, .most = 1, .without_least = true}}};

  /// Of all layers.
  template <class B>
  struct shared {
    matrix<B> limit;  ///< positions x 1: (ceil(share n) + 1/2) / n, between two shares of n tokens
  };
  template <class B>
  struct cached {
    running_means<B> asked;  ///< the share of tokens that asked for each expert
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    std::vector<typename B::scalar> limit;
    for (index_t n = 1; n <= l.positions; ++n) {
      const double tokens = std::ceil(share * static_cast<double>(n) - 1e-9);  // 0.1 times 30 is 3
      limit.push_back(static_cast<typename B::scalar>((tokens + 0.5) / static_cast<double>(n)));
    }
    return {matrix<B>::from_host(limit, l.positions, 1)};
  }
  template <class B>
  id_matrix<B> keep(const place<B>& at, const routing<B>& r, const auto& my) const {
    const index_t tokens = r.chosen.rows(), before = my.cached.asked.rows;
    matrix<B> asked(tokens, r.experts), limit(tokens, 1), room(tokens, r.chosen.cols());
    B::one_hot(asked.view(), r.chosen.view());
    const variable<B> means = prefix_means(variable<B>(asked), at.sequence, my.cached.asked);
    id_matrix<B> no_row(tokens, 1);  // read as zeros, to which the limits are added in the order of positions
    B::fill(no_row.view(), no_choice);
    const auto limits = my.shared.limit.view();
    B::gather_rows(limit.view(), limits, no_row.view(), &limits, before, at.sequence);
    B::gather_elements(room.view(), means.value().view(), r.chosen.view());
    B::map(room.view(), 0, fn::scaled<typename B::scalar>{-1}, std::as_const(room).view());
    B::map_with_col(room.view(), 0, fn::plus{}, std::as_const(room).view(), std::as_const(limit).view());
    id_matrix<B> kept = r.chosen.clone();
    B::keep_where(kept.view(), std::as_const(room).view());
    return kept;
  }
};

}  // namespace gmoe
