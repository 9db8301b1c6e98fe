#pragma once
/// What has been read so far, on average: a summary of the text that is causal.

#include <vector>

#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/segments.hpp"

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

/// What was read of sequences that go on.
template <class B>
struct running_means {
  index_t rows = 0;  ///< of each sequence
  matrix<B> means;   ///< of these rows, sequences x d; empty as long as there are none
};

/// The same where rows came before, n of each sequence with the mean m: y_i = (n m + (i - first + 1) p_i) / (n + i -
/// first + 1), p the prefix means of x alone. Then `before` has the rows of x too. No gradient flows into m.
template <class B>
variable<B> prefix_means(const variable<B>& x, index_t sequence, std::type_identity_t<running_means<B>>& before) {
  variable<B> y = prefix_means(x, sequence);
  const index_t sequences = x.rows() / sequence, n = before.rows;
  if (n > 0) {
    require(before.means.rows() == sequences && before.means.cols() == x.cols(), "prefix_means: the means before are ",
            before.means.rows(), " x ", before.means.cols(), ", expected ", sequences, " x ", x.cols());
    using scalar = typename B::scalar;
    std::vector<scalar> fresh(static_cast<std::size_t>(x.rows())), old(fresh.size());
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      const auto rows = static_cast<scalar>(i % static_cast<std::size_t>(sequence) + 1);
      fresh[i] = rows / (static_cast<scalar>(n) + rows);
      old[i] = static_cast<scalar>(n) / (static_cast<scalar>(n) + rows);
    }
    const auto column = [&](const std::vector<scalar>& factors) {
      return variable<B>(matrix<B>::from_host(factors, x.rows(), 1), x.recorded_on(), false);
    };
    const variable<B> m = expand_segments(
        variable<B>(before.means), row_groups<B>(std::vector<index_t>(static_cast<std::size_t>(sequences), sequence)));
    y = add(multiply_col(y, column(fresh)), multiply_col(m, column(old)));
  }
  before = {n + sequence, columns_of(variable<B>(y.value().reshaped(sequences, sequence * x.cols())),
                                     (sequence - 1) * x.cols(), x.cols())
                              .value()};
  return y;
}

}  // namespace gmoe
