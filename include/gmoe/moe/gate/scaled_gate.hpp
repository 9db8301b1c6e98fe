#pragma once
/// Weights by a factor.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// factor w, w the weights of `Gate`: such as half of what is left to shared experts (RMoE), or a scale of routed ones.
template <class Gate>
struct scaled_gate {
  using slot = slots::gate;
  Gate of{};
  double factor = 0.5;
  static constexpr auto fields =
      std::tuple{field{"factor", &scaled_gate::factor, "of the routed experts' weights", above(0)}};

  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r, const auto& my) const {
    return scale(ask<hooks::weights>(of, my, at, r), factor);
  }
};

}  // namespace gmoe
