#pragma once
/// Soft choices among what has been read so far: mixtures of a sequence's rows that are causal.

#include <utility>

#include "gmoe/core/recycled.hpp"
#include "gmoe/ops/batched_matmul.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// What was read of sequences that go on, for each of J mixtures: for sequence b and mixture j in row b J + j.
template <class B>
struct running_mixtures {
  matrix<B> mixed;    ///< sequences J x d, the mixture of the rows so far; empty as long as there are none
  matrix<B> log_sum;  ///< sequences J x 1, of the exponentials of their logits
};

namespace detail {

/// Row g of x, `count` times below each other.
template <class B>
variable<B> each_row_times(const variable<B>& x, index_t count) {
  const variable<B> ones(matrix<B>::filled(x.rows() * count, 1, 1), x.recorded_on(), false);
  return batched_matmul(ones, x, x.rows());
}
/// Row t of `sequence` rows leaves out what comes after it: 1 x sequence^2 of zeros and of what softmax makes zero.
template <class B>
variable<B> only_so_far(index_t sequence, tape<B>* on) {
  recycled_vector<typename B::scalar> left_out(static_cast<std::size_t>(sequence * sequence), 0);
  for (index_t t = 0; t < sequence; ++t)
    for (index_t u = t + 1; u < sequence; ++u)
      left_out[static_cast<std::size_t>(t * sequence + u)] = typename B::scalar(-1e30);
  return variable<B>(matrix<B>::from_host(left_out, 1, sequence * sequence), on, false);
}
/// The last of every `count` rows.
template <class B>
matrix<B> last_rows(const matrix<B>& x, index_t count) {
  const variable<B> side_by_side(x.reshaped(x.rows() / count, count * x.cols()));
  return columns_of(side_by_side, (count - 1) * x.cols(), x.cols()).value();
}

}  // namespace detail

/// The mixtures of x's rows (T x d) from the first of a sequence to each of its rows, weighed by softmax over these of
/// each column of z (T x J); T is a multiple of `sequence`, S. Sequence b, mixture j and row t are in row (b J + j) S +
/// t of B J S:
///
///     y_bjt = sum over u <= t of exp(z_uj) x_u / sum over u <= t of exp(z_uj)
///
/// Rows that came before are in `before`, which has those of x too afterwards. No gradient flows into them. It takes
/// B J S^2 numbers meanwhile.
template <class B>
variable<B> prefix_mixtures(const variable<B>& z, const variable<B>& x, index_t sequence,
                            std::type_identity_t<running_mixtures<B>>& before) {
  require(sequence >= 1 && x.rows() % sequence == 0 && z.rows() == x.rows(), "prefix_mixtures: sequences of ", sequence,
          " rows among ", z.rows(), " of logits and ", x.rows());
  const index_t sequences = x.rows() / sequence, rows = sequences * z.cols();
  const variable<B> columns =
      reshape(detail::each_row_times(transpose_groups(z, sequence), sequence), rows, sequence * sequence);
  const variable<B> so_far =
      reshape(add_row(columns, detail::only_so_far<B>(sequence, z.recorded_on())), rows * sequence, sequence);
  variable<B> y = batched_matmul(softmax_rows(so_far), x, sequences);
  variable<B> log_sum = log_sum_exp_rows(so_far);
  if (!before.mixed.empty()) {
    require(before.mixed.rows() == rows && before.mixed.cols() == x.cols(), "prefix_mixtures: those before are ",
            before.mixed.rows(), " x ", before.mixed.cols(), ", expected ", rows, " x ", x.cols());
    const auto constant = [&](const matrix<B>& m) {
      return detail::each_row_times(variable<B>(m, x.recorded_on(), false), sequence);
    };
    const variable<B> old = constant(before.log_sum), fresh = subtract(log_sum, old);
    y = add(multiply_col(y, sigmoid(fresh)), multiply_col(constant(before.mixed), sigmoid(scale(fresh, -1))));
    log_sum = add(old, softplus(fresh));
  }
  before = {detail::last_rows(y.value(), sequence), detail::last_rows(log_sum.value(), sequence)};
  return y;
}

}  // namespace gmoe
