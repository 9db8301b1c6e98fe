#pragma once
/// One hidden unit of a gated feed-forward layer (Shazeer, "GLU Variants Improve Transformer", 2020).

#include "gmoe/core/host_device.hpp"

namespace gmoe::fn {

/// h = act(a) b: SwiGLU's with silu, GEGLU's with gelu, ReGLU's with relu.
template <class Activation>
struct gated_unit {
  Activation act;

  template <class T>
  GMOE_HD T operator()(const T& a, const T& b) const {
    return act.value(a) * b;
  }
  template <class T>
  struct unit_and_gradients {
    T h, da, db;
  };
  /// h again, and from dh to the gradients of both inputs.
  template <class T>
  GMOE_HD unit_and_gradients<T> slope(const T& dh, const T& a, const T& b) const {
    const T s = act.value(a);
    return {s * b, dh * b * act.slope(a, s), dh * s};
  }
};

}  // namespace gmoe::fn
