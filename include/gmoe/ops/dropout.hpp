#pragma once
/// Dropout (Srivastava et al. 2014), inverted: kept elements are scaled by 1 / (1 - probability).

#include "gmoe/autograd/tape.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

/// The mask is a function of the stream alone, so the backward pass draws it again instead of keeping it.
template <class B>
variable<B> dropout(const variable<B>& x, double probability, random_stream random) {
  if (probability <= 0) return x;
  matrix<B> y(x.rows(), x.cols());
  B::dropout(y.view(), 0, x.value().view(), random, probability);
  return make_result(
      std::move(y),
      [x = x.without_value(), probability, random](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        B::dropout(to->view(), beta, std::as_const(y.gradient()).view(), random, probability);
      },
      x);
}

}  // namespace gmoe
