#pragma once
/// What the backward pass sees of a value: nothing, or another value.

#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// sg(x): the same value as a constant. Shares the buffer.
template <class B>
variable<B> stop_gradient(const variable<B>& x) {
  return variable<B>(x.value(), x.recorded_on(), false);
}

/// The value of `hard` with the gradient of `soft`: sg(hard - soft) + soft (Bengio et al. 2013). Shares hard's buffer.
///     dsoft = dy      dhard = 0
template <class B>
variable<B> straight_through(const variable<B>& hard, const variable<B>& soft) {
  detail::require_same_shape("straight_through", hard, soft);
  return make_result(
      matrix<B>(hard.value()), [soft = soft.without_value()](const variable<B>& y) { soft.add_gradient(y.gradient()); },
      soft);
}

}  // namespace gmoe
