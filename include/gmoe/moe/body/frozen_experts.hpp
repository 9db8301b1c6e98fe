#pragma once
/// Experts that stop training: MoWE's in fine-tuning.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// Experts of `Body` that train in the optimiser steps before number `from` and stand still after: no gradient, no
/// decay. -1: they always train.
template <class Body>
struct frozen_experts {
  using slot = slots::body;
  Body of{};
  index_t from = -1;
  static constexpr auto fields = std::tuple{
      field{"from", &frozen_experts::from, "optimiser step from which on experts stand still; -1: none", at_least(-1)}};

  template <class B>
  using weights = typename Body::template weights<B>;
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    return of.make_weights(make, pool);
  }
  bool trains(std::int64_t step) const { return from < 0 || step < static_cast<std::int64_t>(from); }
  /// E(x) of the only expert in `w`.
  template <class B>
  auto dense(const context<B>& ctx, const variable<B>& x, const weights<B>& w) const requires requires {
    of.dense(ctx, x, w);
  }
  { return of.dense(ctx, x, w); }
};

}  // namespace gmoe
