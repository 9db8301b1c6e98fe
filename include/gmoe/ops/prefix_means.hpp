#pragma once
/// What has been read so far, on average: a summary of the text that is causal.

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// Row i is the mean of x's rows from the first of i's sequence to i itself. x: T x d, T a multiple of `sequence`.
///     dx_i = sum of dy_k / (k - first + 1) over the sequence's k >= i
template <class B>
variable<B> prefix_means(const variable<B>& x, index_t sequence) {
  require(sequence >= 1 && x.rows() % sequence == 0, "prefix_means: sequences of ", sequence, " rows among ", x.rows());
  matrix<B> y(x.rows(), x.cols());
  B::prefix_means(y.view(), 0, x.value().view(), sequence);
  return make_result(
      std::move(y),
      [x = x.without_value(), sequence](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        B::prefix_means_backward(to->view(), beta, std::as_const(y.gradient()).view(), sequence);
      },
      x);
}

}  // namespace gmoe
