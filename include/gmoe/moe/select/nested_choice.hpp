#pragma once
/// Which of a layer's nested experts runs for a token: the widest ones choose first (after Jain et al. 2024, Mixture of
/// Nested Experts).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/select/above_threshold.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// Shares c of all tokens for nested experts that have the parts f of a layer: those with the largest
///
///     sum_i c_i delta^i + beta H(c)     where  sum_i c_i = 1,  sum_i c_i f_i = budget:
///     c_i = exp((delta^i - lambda f_i) / beta) / Z,  lambda by bisection
///
/// Parts rise; the budget is between the first and the last, else config_error. A single expert has all.
inline std::vector<double> nested_shares(std::span<const double> parts, double budget, double delta, double beta) {
  if (parts.size() == 1) return {1};
  require(budget > parts.front() && budget < parts.back(), "nested experts have from ", parts.front(), " to ",
          parts.back(), " of a layer each, so that tokens cannot have a budget of ", budget, " on average");
  std::vector<double> c(parts.size());
  const auto mean = [&](double lambda) {  // of the parts, which falls with lambda; c is its distribution
    double most = -1e300, sum = 0, of_parts = 0;
    for (std::size_t i = 0; i < c.size(); ++i) {
      c[i] = (std::pow(delta, static_cast<double>(i)) - lambda * parts[i]) / beta;
      most = std::max(most, c[i]);
    }
    for (double& share : c) sum += share = std::exp(share - most);
    for (std::size_t i = 0; i < c.size(); ++i) of_parts += (c[i] /= sum) * parts[i];
    return of_parts;
  };
  double low = -1, high = 1;
  for (int n = 0; n < 200 && mean(low) < budget; ++n) low *= 2;
  for (int n = 0; n < 200 && mean(high) > budget; ++n) high *= 2;
  for (int n = 0; n < 200; ++n) {
    const double middle = (low + high) / 2;
    (mean(middle) > budget ? low : high) = middle;
  }
  mean((low + high) / 2);
  return c;
}

/// Experts 0 to e for a token of nested expert e, which is decided in training by experts: from the widest down to the
/// second, expert e takes the floor(c_e T) tokens of the batch with the largest p_te that are left; the first one gets
/// the others. T counts valid tokens.
///
/// That compares tokens with each other, those to come included. In evaluation nobody is compared: a token belongs to
/// the widest expert with p_te > theta_e, else to the first, where theta_e is the running mean of the smallest score
/// that the expert took in a training batch (1 where it took nobody). Before the first step theta is 1 / N.
struct nested_choice {
  using slot = slots::select;
  double budget = 0.5;   ///< of a layer's hidden units that a token has on average
  double delta = 2;      ///< how much better the next wider expert is thought to be
  double beta = 10;      ///< of the entropy of shares
  double memory = 0.99;  ///< share of theta that a step leaves
  static constexpr auto fields = std::tuple{
      field{"budget", &nested_choice::budget, "of a layer's hidden units that a token has on average", below(0, 1)},
      field{"delta", &nested_choice::delta, "worth of a nested expert over that of the next narrower", above(0)},
      field{"beta", &nested_choice::beta, "weight of the entropy of the experts' shares", above(0)},
      field{"memory", &nested_choice::memory, "share of the thresholds that a step leaves", below(0, 1)}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  struct layer {
    buffer<B> threshold;        ///< 1 x N, theta
    matrix<B> down;             ///< N x N: ones from e down to 0
    std::vector<double> share;  ///< N, c
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> made{make.constant_buffer("threshold", 1, l.experts, 1.0 / static_cast<double>(l.experts)), {}, shares(l)};
    if (make.mode() == build_mode::shapes_only) return made;
    const auto n = static_cast<std::size_t>(l.experts);
    std::vector<typename B::scalar> ones(n * n);
    for (std::size_t e = 0; e < n; ++e) std::fill_n(ones.begin() + static_cast<std::ptrdiff_t>(e * n), e + 1, 1);
    made.down = matrix<B>::from_host(ones, l.experts, l.experts);
    return made;
  }
  index_t at_most(const layer_shape& l) const { return l.experts; }
  /// In experts of the layer's mean width.
  double experts_per_token(const layer_shape& l) const {
    const std::vector<double> c = shares(l), f = fractions(l);
    return static_cast<double>(l.experts) * std::inner_product(c.begin(), c.end(), f.begin(), 0.0);
  }

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    require(r.mask.empty(), "block ", at.block,
            ": nested experts are chosen from the first on, so there are no others "
            "among the candidates");
    // Above 1/2 where a token visits a ring.
    const matrix<B> visits = at.training ? by_experts(at, r, my) : by_thresholds(r, my);
    return choose_above(visits, 0.5, r.experts);
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    follow_mean(my.layer.threshold, seen, "smallest_taken", memory, step);
  }

 private:
  /// f: hidden units of each nested expert over those of all.
  static std::vector<double> fractions(const layer_shape& l) {
    std::vector<double> f(l.pool->widths.begin(), l.pool->widths.end());
    std::partial_sum(f.begin(), f.end(), f.begin());
    for (double& part : f) part /= f.back();
    return f;
  }
  std::vector<double> shares(const layer_shape& l) const { return nested_shares(fractions(l), budget, delta, beta); }

  template <class B>
  matrix<B> by_experts(const place<B>& at, const routing<B>& r, const auto& my) const {
    using T = typename B::scalar;
    const index_t rows = r.scores.rows(), tokens = r.valid.among(rows);
    matrix<B> visits(rows, r.experts), left = r.valid.all() ? matrix<B>::filled(rows, 1, T(1)) : r.valid.mask.clone();
    matrix<B> smallest = matrix<B>::filled(1, r.experts, T(1));
    const auto column = [](matrix<B>& m, index_t e) { return m.view().col_block(e, 1); };
    B::map(column(visits, 0), 0, fn::same{}, std::as_const(left).view());
    for (index_t e = r.experts - 1; e > 0; --e) {
      const auto c = my.layer.share[static_cast<std::size_t>(e)];
      const auto count = static_cast<index_t>(c * static_cast<double>(tokens) + 1e-6);
      if (count > 0) {
        matrix<B> score(rows, 1), taken(rows, 1);
        B::map(score.view(), 0, fn::same{}, r.scores.value().view().col_block(e, 1));
        const id_matrix<B> best = choose_rows(score, count, rows, left);  // 1 x count
        B::one_hot(taken.view(), choices_of_rows(best, rows, 1).view());
        B::map(left.view(), 1, fn::scaled<T>{-1}, std::as_const(taken).view());
        const variable<B> theirs = gather_elements(variable<B>(score.reshaped(1, rows)), best);
        B::map(column(smallest, e), 0, fn::same{}, smallest_of_rows(theirs.value()).view());
      }
      // Whoever is not left has this expert or a wider one.
      B::map(column(visits, e), 0, fn::minus{}, std::as_const(visits).view().col_block(0, 1),
             std::as_const(left).view());
    }
    note_mean(at, "smallest_taken", std::move(smallest));
    return visits;
  }
  template <class B>
  static matrix<B> by_thresholds(const routing<B>& r, const auto& my) {
    const index_t rows = r.scores.rows();
    matrix<B> margin(rows, r.experts), above(rows, r.experts);
    B::map_with_row(margin.view(), 0, fn::minus{}, r.scores.value().view(), my.layer.threshold.value().view());
    B::one_hot(above.view(), choose_above(margin, 0, r.experts).view());
    B::fill(above.view().col_block(0, 1), typename B::scalar(1));
    return matmul(variable<B>(std::move(above)), variable<B>(my.layer.down)).value();
  }
};

}  // namespace gmoe
