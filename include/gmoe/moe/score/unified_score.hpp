#pragma once
/// USMoE's score (Do et al. 2025): experts compete for a token and tokens compete for an expert, both.

#include <algorithm>
#include <cmath>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/select/above_threshold.hpp"
#include "gmoe/moe/select/transport.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// p = (1 - b) softmax over experts (z) + b softmax over tokens (z), of the same logits: rows of the first sum to 1,
/// columns of the second. Rows that do not count are no competitors.
///
/// In evaluation the second is exp(z_ti - c_i), where c_i is the running mean of log sum_t exp(z_ti) in training.
/// Before the first step that of logits of 0 in a sequence of full length.
struct unified_score {
  using slot = slots::score;
  double share = 0.5;  ///< b
  double memory = 0.99;
  static constexpr auto fields =
      std::tuple{field{"share", &unified_score::share, "weight of the softmax over tokens", between(0, 1)},
                 field{"memory", &unified_score::memory, "share of the column sums that a step leaves", below(0, 1)}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  struct layer {
    buffer<B> column_sum;  ///< 1 x N, c
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("column_sum", 1, l.experts, std::log(static_cast<double>(l.positions)))};
  }

  template <class B>
  variable<B> scores(const place<B>& at, const routing<B>& r, const auto& my) const {
    const variable<B> by_experts = scale(softmax_rows(r.logits), 1 - share);
    if (r.valid.among(r.logits.rows()) == 0) return by_experts;
    if (!at.training) {
      const variable<B> c = at.constant(my.layer.column_sum.value());
      return add(by_experts, scale(exp(add_row(r.logits, scale(c, -1))), share));
    }
    note_mean(at, "column_sum", soft_column_maxima(competing(r.logits.value(), r.valid), 1.0).value());
    return add(by_experts, scale(softmax_of_valid_rows(r), share));
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    follow_mean(my.layer.column_sum, seen, "column_sum", memory, step);
  }

 private:
  template <class B>
  static variable<B> softmax_of_valid_rows(const routing<B>& r) {
    if (r.valid.all()) return softmax_cols(r.logits);
    const matrix<B> marks = r.valid.mask.reshaped(1, r.logits.rows());
    return transpose(masked_softmax_rows(transpose(r.logits), marks));
  }
};

}  // namespace gmoe
