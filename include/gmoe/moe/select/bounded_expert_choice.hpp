#pragma once
/// Expert choice with at most b experts per token (Zhou et al. 2022).

#include "gmoe/moe/select/expert_choice.hpp"
#include "gmoe/moe/select/transport.hpp"

namespace gmoe {

/// Tokens that many experts want get a price: expert i takes the c tokens with the largest S_ti - alpha_t. The prices
/// are those of the plan
///     max over A of <S, A> + lambda H(A),   sum_t A_ti = c,   sum_i A_ti <= b,   0 <= A <= 1,
/// (token_prices). A has no gradient, weights are S. The bound holds for the plan that the sweeps lead to; when each
/// column keeps its c largest entries a few tokens may get more. The paper's lambda of 1e-3 needs thousands of sweeps.
///
/// In evaluation a token goes to the b experts whose thresholds it exceeds by most, as prices would have it when lambda
/// is small.
struct bounded_expert_choice {
  using slot = slots::select;
  expert_choice of{};
  index_t most = 2;      ///< b
  double lambda = 0.01;  ///< of the entropy
  index_t sweeps = 100;
  static constexpr auto fields = std::tuple{
      field{"most", &bounded_expert_choice::most, "experts that a token gets at most", at_least(1)},
      field{"lambda", &bounded_expert_choice::lambda, "weight of the plan's entropy", above(0)},
      field{"sweeps", &bounded_expert_choice::sweeps, "sweeps over the conditions of the plan", at_least(1)}};

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    if (!at.training) return expert_choice::above_threshold(r, my, most);
    if (r.valid.among(r.scores.rows()) == 0) return nobody<B>(r.scores.rows(), r.experts);
    const double count = of.factor * static_cast<double>(r.valid.among(r.scores.rows()));
    const matrix<B> prices = token_prices(r.scores.value(), r.valid, count / static_cast<double>(r.experts),
                                          static_cast<double>(most), lambda, sweeps);
    return of.best_of_batch(at, r, add_col(variable<B>(r.scores.value()), scale(variable<B>(prices), -1)).value());
  }
};

}  // namespace gmoe
