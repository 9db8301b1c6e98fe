#pragma once
/// What every token gets besides, by a factor.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// factor y, y the output of `Always`.
template <class Always>
struct scaled_always {
  using slot = slots::always;
  Always of{};
  double factor = 0.5;
  static constexpr auto fields =
      std::tuple{field{"factor", &scaled_always::factor, "of what every token gets besides", above(0)}};

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    return scale(ask<hooks::apply>(of, my, at, x, r), factor);
  }
};

}  // namespace gmoe
