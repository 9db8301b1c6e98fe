#pragma once
/// Tokens of which the router is not sure go to all experts (GW-MoE, Wu et al. 2024).

#include <cmath>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/log_softmax.hpp"

namespace gmoe {

/// The best expert of each token, in training of tokens whose scores have an entropy above h ln N all N. `most` bounds
/// how many of a sequence are broadcast, the earliest ones; 0: any number.
struct broadcast_uncertain {
  using slot = slots::select;
  double uncertainty = 0.95;  ///< h
  index_t most = 0;
  static constexpr auto fields =
      std::tuple{field{"uncertainty", &broadcast_uncertain::uncertainty, "entropy of an uncertain token against ln N",
                       at_least(0)},
                 field{"most", &broadcast_uncertain::most, "uncertain tokens of a sequence that are broadcast; 0: all",
                       at_least(0)}};
  // Whether a token is among the first uncertain ones depends on those before it.
  static constexpr reach reaches = reach::past, reaches_in_evaluation = reach::token;

  index_t at_most(const layer_shape& l) const { return l.experts; }
  double experts_per_token(const layer_shape&) const { return 1; }

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    const matrix<B>& p = r.scores.value();
    if (!at.training) return r.mask.empty() ? choose_top_k(p, 1) : choose_top_k(p, 1, r.mask);
    id_matrix<B> choice = r.mask.empty() ? choose_top_k(p, r.experts) : choose_top_k(p, r.experts, r.mask);
    const matrix<B> doubt = broadcast(at, r);
    matrix<B> marks = matrix<B>::filled(p.rows(), r.experts, 1);
    B::map_with_col(marks.view(), 0, fn::times{}, std::as_const(marks).view(), doubt.view());
    B::fill(marks.view().col_block(0, 1), typename B::scalar(1));  // the best one stays
    B::keep_where(choice.view(), marks.view());
    return choice;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: broadcast_uncertain takes the entropy of scores, but the card's scores are logits: it takes "
                  "another score, such as softmax_score");
    return true;
  }

 private:
  /// T x 1: above 0 for tokens that are broadcast.
  template <class B>
  matrix<B> broadcast(const place<B>& at, const routing<B>& r) const {
    const variable<B> entropy = entropy_rows(variable<B>(r.scores.value()));
    const double limit = uncertainty * std::log(static_cast<double>(r.experts));
    matrix<B> doubt = add(entropy, variable<B>(matrix<B>::filled(entropy.rows(), 1, -limit))).value();
    if (most == 0 || doubt.rows() == 0) return doubt;
    // Of the marks in a sequence, which are 1 for uncertain tokens, the first `most` ones.
    B::map(doubt.view(), 0, fn::value_of<fn::open_gate>{}, std::as_const(doubt).view());
    if (!r.valid.all()) B::map(doubt.view(), 0, fn::times{}, std::as_const(doubt).view(), r.valid.mask.view());
    const id_matrix<B> rows = choose_rows(doubt, std::min(most, at.sequence), at.sequence);
    const variable<B> ones(matrix<B>::filled(doubt.rows(), 1, 1));
    return multiply(variable<B>(doubt), gather_elements(ones, choices_of_rows(rows, doubt.rows(), 1))).value();
  }
};

}  // namespace gmoe
