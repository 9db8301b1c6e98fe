#pragma once
/// A budget of pairs for the whole batch, as USMoE selects (Do et al. 2025).

#include <algorithm>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/select/above_threshold.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// In training the M = floor(k T) pairs (token, expert) of the batch with the largest scores, at least one: k may be a
/// fraction, and both tokens and experts differ in how many pairs they get. Equal scores: the earlier token, then the
/// lower expert. T counts valid tokens.
///
/// In evaluation every pair with a score above theta, the running mean of the smallest score that was selected in a
/// training batch. Before the first step theta is 1 / N.
struct best_pairs {
  using slot = slots::select;
  double k = 2;
  double memory = 0.99;
  static constexpr auto fields =
      std::tuple{field{"k", &best_pairs::k, "experts per token, on average", above(0)},
                 field{"memory", &best_pairs::memory, "share of the threshold that a step leaves", below(0, 1)}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  struct layer {
    buffer<B> threshold;  ///< 1 x 1, theta
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("threshold", 1, 1, 1.0 / static_cast<double>(l.experts))};
  }
  index_t at_most(const layer_shape& l) const { return l.experts; }
  double experts_per_token(const layer_shape& l) const { return std::min(k, static_cast<double>(l.experts)); }

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    const matrix<B>& p = r.scores.value();
    if (!at.training) {
      const variable<B> theta = repeat_cols(variable<B>(my.layer.threshold.value()), r.experts);
      return choose_above_row(r, theta.value(), r.experts);
    }
    const index_t tokens = r.valid.among(p.rows());
    if (tokens == 0) return nobody<B>(p.rows(), r.experts);
    const auto budget = static_cast<index_t>(k * static_cast<double>(tokens));
    const id_matrix<B> choice = choose_pairs(p, std::clamp<index_t>(budget, 1, tokens * r.experts), r.valid.mask);
    note_mean(at, "smallest_selected", smallest_chosen(r, choice));
    return only_candidates(choice, r);
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    follow_mean(my.layer.threshold, seen, "smallest_selected", memory, step);
  }

 private:
  /// Pairs that are not chosen are raised above all scores first.
  template <class B>
  static matrix<B> smallest_chosen(const routing<B>& r, const id_matrix<B>& choice) {
    const variable<B> p(r.scores.value()), ones(matrix<B>::filled(p.rows(), p.cols(), 1));
    const variable<B> others = subtract(ones, gather_elements(ones, choice));
    const matrix<B> raised = add(p, scale(others, 1e6)).value();
    return smallest_of_rows(smallest_of_rows(raised).reshaped(1, p.rows()));
  }
};

}  // namespace gmoe
