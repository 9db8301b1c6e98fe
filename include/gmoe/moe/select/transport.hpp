#pragma once
/// Plans over all tokens of a batch: who should go where, if all are to get what they are due. Without a gradient.
///
/// A plan is a T x N matrix exp((S_ti + a_t + b_i) / epsilon), perhaps cut at 1. Of its potentials a (T x 1) and b
/// (1 x N) the ranking of a column needs a alone, that of a row b alone: nobody ever computes the plan, whose entries
/// would be too small for a number or equal to 1.

#include <cmath>

#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// `scores` without a gradient, where rows that do not count are as good as minus infinity.
template <class B>
variable<B> competing(const matrix<B>& scores, const valid_rows<B>& valid) {
  const variable<B> s(scores);
  if (valid.all()) return s;
  const variable<B> marks(valid.mask);
  const variable<B> far = scale(add(marks, variable<B>(matrix<B>::filled(scores.rows(), 1, -1))), 1e30);
  return add_col(multiply_col(s, marks), far);
}

/// epsilon log sum_i exp(x_ti / epsilon), T x 1.
template <class B>
variable<B> soft_maxima(const variable<B>& x, double epsilon) {
  return scale(log_sum_exp_rows(scale(x, 1 / epsilon)), epsilon);
}
/// epsilon log sum_t exp(x_ti / epsilon), 1 x N.
template <class B>
variable<B> soft_column_maxima(const variable<B>& x, double epsilon) {
  return scale(log_sum_exp_cols(scale(x, 1 / epsilon)), epsilon);
}

template <class B>
variable<B> number_row(index_t cols, double value) {
  return variable<B>(matrix<B>::filled(1, cols, static_cast<typename B::scalar>(value)));
}
template <class B>
variable<B> number_column(index_t rows, double value) {
  return variable<B>(matrix<B>::filled(rows, 1, static_cast<typename B::scalar>(value)));
}

/// The potentials of a plan.
template <class B>
struct plan_potentials {
  matrix<B> a;  ///< T x 1
  matrix<B> b;  ///< 1 x N
};

/// max <P, Z> + epsilon H(P) where every row sums to 1 and every column to T / N (Cuturi 2013): from b = 0, `sweeps`
/// times
///     a_t = -epsilon log sum_i exp((z_ti + b_i) / epsilon)
///     b_i = epsilon log(T / N) - epsilon log sum_t exp((z_ti + a_t) / epsilon)
/// T counts the rows that do. There must be some.
template <class B>
plan_potentials<B> sinkhorn_potentials(const matrix<B>& scores, const valid_rows<B>& valid, double epsilon,
                                       index_t sweeps) {
  const variable<B> z = competing(scores, valid);
  const auto tokens = static_cast<double>(valid.among(z.rows()));
  const variable<B> due = number_row<B>(z.cols(), epsilon * std::log(tokens / static_cast<double>(z.cols())));
  variable<B> a, b = number_row<B>(z.cols(), 0);
  for (index_t s = 0; s < sweeps; ++s) {
    // Of rows that do not count, a would be as large as z is small: they stay out.
    a = scale(soft_maxima(add_row(variable<B>(scores), b), epsilon), -1);
    b = subtract(due, soft_column_maxima(add_col(z, a), epsilon));
  }
  return {a.value(), b.value()};
}

/// max <S, A> + lambda H(A) where every column sums to `count`, every row to `most` at the most, and no entry is above
/// 1: the prices alpha_t >= 0 of the rows in A_ti = min(1, exp((S_ti + beta_i - alpha_t) / lambda)). Dykstra's
/// alternating projections, written for the potentials: from alpha = gamma = 0, `sweeps` times
///     beta_i = lambda log count - lambda log sum_t exp((S_ti - alpha_t - gamma_ti) / lambda)
///     alpha_t = max(0, lambda log sum_i exp((S_ti + beta_i - gamma_ti) / lambda) - lambda log most)
///     gamma_ti = max(0, S_ti + beta_i - alpha_t)
template <class B>
matrix<B> token_prices(const matrix<B>& scores, const valid_rows<B>& valid, double count, double most, double lambda,
                       index_t sweeps) {
  const variable<B> s = competing(scores, valid);
  const variable<B> due = number_row<B>(s.cols(), lambda * std::log(count));
  const variable<B> room = number_column<B>(s.rows(), -lambda * std::log(most));
  variable<B> alpha = number_column<B>(s.rows(), 0), uncut = s;  // S - gamma
  for (index_t n = 0; n < sweeps; ++n) {
    const variable<B> beta = subtract(due, soft_column_maxima(add_col(uncut, scale(alpha, -1)), lambda));
    alpha = relu(add(soft_maxima(add_row(uncut, beta), lambda), room));
    uncut = subtract(s, relu(add_col(add_row(s, beta), scale(alpha, -1))));
  }
  return alpha.value();
}

}  // namespace gmoe
