#pragma once
/// Expert choice (Zhou et al. 2022): experts take tokens, not tokens experts.

#include <algorithm>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/running_mean.hpp"
#include "gmoe/moe/select/above_threshold.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/embedding.hpp"

namespace gmoe {

/// In training every expert i takes the c = floor(f T / N) tokens of the batch with the largest S_ti, at least one and
/// at most all of them: a token gets 0 to N experts, and all experts have the same load. T counts valid tokens.
///
/// That compares tokens with each other, those to come included. In evaluation nobody is compared: expert i takes every
/// token with S_ti > theta_i, where theta_i is the running mean of the smallest score that it took in a training batch.
/// Before the first step theta is 1 / N.
struct expert_choice {
  using slot = slots::select;
  double factor = 2;     ///< f: experts per token, on average
  double memory = 0.99;  ///< share of theta that a step leaves
  static constexpr auto fields =
      std::tuple{field{"factor", &expert_choice::factor, "experts per token, on average", above(0)},
                 field{"memory", &expert_choice::memory, "share of the thresholds that a step leaves", below(0, 1)}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  struct layer {
    buffer<B> threshold;  ///< 1 x N, theta
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("threshold", 1, l.experts, 1.0 / static_cast<double>(l.experts))};
  }
  index_t at_most(const layer_shape& l) const { return l.experts; }
  double experts_per_token(const layer_shape& l) const { return std::min(factor, static_cast<double>(l.experts)); }

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    return at.training ? best_of_batch(at, r, r.scores.value()) : above_threshold(r, my);
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    follow_mean(my.layer.threshold, seen, "smallest_taken", memory, step);
  }

  /// c: how many of `tokens` each of the experts takes.
  index_t count(index_t tokens, index_t experts) const {
    const auto share = static_cast<index_t>(factor * static_cast<double>(tokens) / static_cast<double>(experts));
    return std::clamp<index_t>(share, std::min<index_t>(1, tokens), tokens);
  }
  /// Every expert takes the tokens that stand highest in its column of `ranking` (T x N).
  template <class B>
  id_matrix<B> best_of_batch(const place<B>& at, const routing<B>& r, const matrix<B>& ranking) const {
    const index_t tokens = r.valid.among(ranking.rows());
    const index_t each = count(tokens, r.experts);
    if (each == 0) return nobody<B>(ranking.rows(), r.experts);
    const id_matrix<B> rows = choose_rows(ranking, each, ranking.rows(), r.valid.mask);  // N x c, best first
    const variable<B> taken = gather_elements(transpose(variable<B>(r.scores.value())), rows);
    note_mean(at, "smallest_taken", smallest_of_rows(taken.value()).reshaped(1, r.experts));
    return only_candidates(choices_of_rows(rows, ranking.rows(), r.experts), r);
  }
  /// Of the experts whose threshold a token exceeds, the `most` by whose it does so by most; best first.
  template <class B>
  static id_matrix<B> above_threshold(const routing<B>& r, const auto& my, index_t most = 0) {
    return choose_above_row(r, my.layer.threshold.value(), most > 0 ? std::min(most, r.experts) : r.experts);
  }
};

}  // namespace gmoe
