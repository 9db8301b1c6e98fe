#pragma once
/// A balance loss that sees the scores of winners alone, as GMoE's authors ran XMoE.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// alpha N sum_i f_i Q_i for each layer: f_i is the share of the tokens whose highest score is i's, Q_i the sum of p_i
/// over those tokens, divided by T. Experts that win nothing have no gradient.
struct winners_loss {
  using slot = slots::balance;
  double alpha = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &winners_loss::alpha, "coefficient of the load balancing loss", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    const matrix<B>& p = r.scores.value();
    const id_matrix<B> first = valid_choices(r.mask.empty() ? choose_top_k(p, 1) : choose_top_k(p, 1, r.mask), r.valid);
    matrix<B> won(p.rows(), r.experts), f(1, r.experts);
    B::one_hot(won.view(), first.view());
    B::choice_fractions(f.view(), first.view());
    return scale(dot(valid_means(mask_cols(r.scores, won), r.valid), at.constant(std::move(f))),
                 alpha * static_cast<double>(r.experts));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_scores<Card>,
                  "gmoe: winners_loss reads scores of all experts, but the card's form makes none (see its `uses`): it "
                  "takes no_balance");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: winners_loss takes sums of scores, but the card's scores are logits, which may be negative: "
                  "it takes another score, such as softmax_score");
    return true;
  }
};

}  // namespace gmoe
