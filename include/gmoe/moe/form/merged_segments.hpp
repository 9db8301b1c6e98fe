#pragma once
/// One expert for a whole text, merged from all by what the text is about (Muqeeth et al. 2023, SMEAR), and its causal
/// form, in which a segment is what the one before asks for (after Zhong et al. 2024, Lory).
///
///     p = softmax(router(mean of the sequence's x))      y_t = E_theta(x_t),  theta = sum_i p_i theta_i

#include <numeric>

#include "gmoe/core/field.hpp"
#include "gmoe/core/recycled.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/segments_before.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// The mean of a sequence looks ahead. So it does in training alone; evaluation and generation cut sequences into
/// segments, and merge for each of them by the mean of the one before, for the first by the sequence's first token.
/// The card's body is a merged_expert.
struct merged_segments {
  using slot = slots::form;
  using uses = slot_list<slots::experts, slots::body, slots::router>;
  index_t segment = 32;  ///< tokens
  bool ahead = true;     ///< train in the form that looks ahead, as published
  static constexpr auto fields =
      std::tuple{field{"segment", &merged_segments::segment, "tokens that an expert is merged for", at_least(1)},
                 field{"ahead", &merged_segments::ahead, "in training one for the sequence, by all of its tokens"}};
  static constexpr reach reaches = reach::sequence, reaches_in_evaluation = reach::past;

  double experts_per_token(const layer_shape&) const { return 1; }

  template <class B>
  struct cached {
    running_segments<B> read;
  };
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x, const auto& my) const {
    if (at.training && ahead) return merged(at, parts, sequence_means(at, x), x);
    const segments_before<B> cut(x, at.sequence, segment, my.cached.read);
    return cut.put_back(merged(at, parts, cut.decide(), cut.rows()));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(
        requires { answer<Card, slots::body>::merges; },
        "gmoe: merged_segments makes one expert of many, so the card's body is a merged_expert");
    return true;
  }

 private:
  /// By the rows of `means`, for as many rows of x each.
  template <class B>
  static variable<B> merged(const place<B>& at, auto& parts, const variable<B>& means, const variable<B>& x) {
    place<B> texts = at;  // rows are sequences or segments, no tokens
    texts.batch = means.rows();
    texts.sequence = 1;
    texts.valid = {};
    texts.tokens = {};
    texts.observer = nullptr;
    const variable<B> z = parts.logits(texts, means);
    at.observe("router_logits", z);
    recycled_vector<id_type> everybody(static_cast<std::size_t>(z.size()));
    for (std::size_t i = 0; i < everybody.size(); ++i)
      everybody[i] = static_cast<id_type>(i) % static_cast<id_type>(z.cols());
    routing<B> r = parts.assign(texts, id_matrix<B>::from_host(everybody, z.rows(), z.cols()));
    r.weights = softmax_rows(z);
    return parts.experts(texts, x, r);
  }
  /// sequences x d, of the rows that count.
  template <class B>
  static variable<B> sequence_means(const place<B>& at, const variable<B>& x) {
    const variable<B> counts(at.valid.all() ? matrix<B>::filled(at.batch, at.sequence, 1)
                                            : at.valid.mask.reshaped(at.batch, at.sequence));
    return batched_matmul(at.constant(normalize_sums(counts, 1e-30).value()), x, at.batch);
  }
};

}  // namespace gmoe
