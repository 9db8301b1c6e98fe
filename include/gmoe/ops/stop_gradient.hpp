#pragma once
/// sg(x): identity forward, no gradient backward.

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// The same value as a constant. Shares the buffer.
template <class B>
variable<B> stop_gradient(const variable<B>& x) {
  return variable<B>(x.value(), x.recorded_on(), false);
}

}  // namespace gmoe
