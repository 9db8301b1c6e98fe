#pragma once
/// Expert choice by a plan with as many entries as experts take tokens (after Liu et al. 2024).

#include "gmoe/moe/select/sinkhorn.hpp"
#include "gmoe/ops/prefix_means.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// The prices alpha_t of the plan
///     max over P of <P, Z> - gamma / 2 |P|^2     sum_i P_ti = 1,  sum_t P_ti = T / N,  P >= 0,  at most c entries of a
///                                                column other than 0
/// by ascent on its semi-dual: from alpha = 0, `sweeps` times
///     P_.i    = the projection of the c largest of (z_ti - alpha_t) / gamma onto what sums to T / N; 0 elsewhere
///     alpha_t += gamma / N (sum_i P_ti - 1)
/// The projection is max(0, v - tau) with tau = max over k of (v_1 + ... + v_k - T / N) / k, v falling. T counts the
/// rows that do, c is at most that.
template <class B>
matrix<B> sparse_prices(const matrix<B>& scores, const valid_rows<B>& valid, index_t count, double gamma,
                        index_t sweeps) {
  const index_t experts = scores.cols();
  const double share = static_cast<double>(valid.among(scores.rows())) / static_cast<double>(experts);
  auto mass = matrix<B>::filled(count, experts, 0);  // what a column is due, at its head
  B::fill(mass.view().row_block(0, 1), static_cast<typename B::scalar>(share));
  const variable<B> z(scores), due(std::move(mass)), one = number_column<B>(scores.rows(), 1);
  variable<B> alpha = number_column<B>(scores.rows(), 0);
  for (index_t n = 0; n < sweeps; ++n) {
    const variable<B> left = add_col(z, scale(alpha, -1));
    const id_matrix<B> rows = choose_rows(left.value(), count, scores.rows(), valid.mask);  // N x c, best first
    const variable<B> v = scale(gather_elements(transpose(left), rows), 1 / gamma);
    const variable<B> limits = transpose(prefix_means(subtract(transpose(v), due), count));
    const variable<B> tau = gather_elements(limits, choose_top_k(limits.value(), 1));
    const variable<B> p = relu(add_col(v, scale(tau, -1)));
    const variable<B> given = scatter_rows(reshape(p, p.size(), 1), rows, scores.rows());
    alpha = add(alpha, scale(subtract(given, one), gamma / static_cast<double>(experts)));
  }
  return alpha.value();
}

/// In training every expert takes the c tokens with the largest z_ti - alpha_t (sparse_prices). Evaluation is that of
/// expert_choice, by thresholds on the scores.
struct sparse_transport {
  using slot = slots::select;
  expert_choice of{};
  double gamma = 1;
  index_t sweeps = 20;
  static constexpr auto fields =
      std::tuple{field{"gamma", &sparse_transport::gamma, "weight of the plan's squares", above(0)},
                 field{"sweeps", &sparse_transport::sweeps, "steps of the ascent", at_least(1)}};

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    if (!at.training) return expert_choice::above_threshold(r, my);
    const matrix<B>& z = r.logits.value();
    const index_t tokens = r.valid.among(z.rows());
    if (tokens == 0) return nobody<B>(z.rows(), r.experts);
    const matrix<B> alpha = sparse_prices(z, r.valid, of.count(tokens, r.experts), gamma, sweeps);
    return of.best_of_batch(at, r, add_col(variable<B>(z), scale(variable<B>(alpha), -1)).value());
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    detail::require_logit_per_expert<Card>();
    return true;
  }
};

}  // namespace gmoe
