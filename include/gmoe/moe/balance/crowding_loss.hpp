#pragma once
/// A balance loss on the scores of the tokens that crowd an expert (StableMoE, Dai et al., ACL 2022).

#include <utility>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/ops/masked.hpp"

namespace gmoe {

namespace fn {
/// (c / even - 1) / c: how much fuller than an even share a group of c tokens is, divided by its size; 0 for nobody.
template <class S>
struct crowding {
  S even;
  template <class T>
  GMOE_HD T operator()(const T& c) const {
    return step(c) * (c / T(even) - T(1)) / max(c, T(1));
  }
};
}  // namespace fn

namespace detail {

/// sum_i (c_i / even - 1) mean of p_ti over the c_i tokens that chose expert i, where `even` would choose each.
template <class B>
variable<B> crowding(const place<B>& at, const routing<B>& r, double even) {
  using scalar = typename B::scalar;
  matrix<B> taken(r.chosen.rows(), r.experts), factor(1, r.experts);
  B::one_hot(taken.view(), r.chosen.view());
  B::count_choices(factor.view(), scalar(1), r.chosen.view());
  B::map(factor.view(), 0, fn::crowding<scalar>{static_cast<scalar>(even)}, std::as_const(factor).view());
  return dot(col_sums(mask_cols(r.scores, taken)), at.constant(std::move(factor)));
}

}  // namespace detail

/// beta sum_i (c_i - c) / c mean of p_ti over expert i's tokens, for each layer: c_i tokens chose expert i, dropped or
/// not, c = k T / N would be even; both are constants. Scores of the crowded fall and those of the idle rise, each by
/// the tokens that are there: unlike those of switch_loss, scores of experts that were not chosen are left alone. Meant
/// for scores that do not sum to one, such as sigmoid_score. 0 when balanced; an expert without tokens adds nothing.
struct crowding_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "crowding";
  double beta = 0.3;
  static constexpr auto fields =
      std::tuple{field{"beta", &crowding_loss::beta, "coefficient of the scores of crowded experts", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    const index_t pairs = r.chosen.cols() * r.valid.among(r.chosen.rows());
    if (pairs == 0) return {};
    return scale(detail::crowding(at, r, static_cast<double>(pairs) / static_cast<double>(r.experts)), beta);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_scores<Card>,
                  "gmoe: crowding_loss reads scores of all experts, but the card's form makes none (see its `uses`): "
                  "it takes no_balance");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: crowding_loss adds up scores of crowded experts, but the card's scores are logits, which may "
                  "be negative: it takes another score, such as sigmoid_score");
    return true;
  }
};

}  // namespace gmoe
