#pragma once
/// What keeps the load even? Losses on routing.

#include <string_view>

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/ops/reduce.hpp"

namespace gmoe {

/// f (1 x N): the share of the pairs that chose each expert, dropped ones included. Empty slots are no pairs: f sums to
/// one, or is zero if there is no pair at all. A constant: no gradient. With `choices` only the first so many choices
/// of each token count; 0 means all.
template <class B>
variable<B> chosen_fractions(const context<B>& ctx, const routing<B>& r, index_t choices = 0) {
  const id_matrix<B>& all = r.chosen;
  const auto counted = all.view().col_block(0, choices > 0 ? choices : all.cols());
  matrix<B> f(1, r.experts);
  B::choice_fractions(f.view(), counted);
  return ctx.constant(std::move(f));
}

/// The load balancing loss of Switch (Fedus et al. 2021): alpha N sum_i f_i P_i for each layer, f the fractions of
/// choices, P the mean scores. Equals alpha when balanced. The model takes the mean over its layers. The expert-level
/// loss of DeepSeekMoE (Dai et al. 2024) is the same: its f_i = N / (k T) count_i is N times ours.
struct switch_loss : balance_policy {
  static constexpr std::string_view reads[] = {"balance_alpha"};
  template <class B>
  static variable<B> layer_loss(const context<B>& ctx, const sizes& s, const routing<B>& r) {
    return scale(dot(col_means(r.scores), chosen_fractions(ctx, r)), s.balance_alpha * static_cast<double>(r.experts));
  }
};

/// No balance loss.
struct no_balance : balance_policy {};

}  // namespace gmoe
