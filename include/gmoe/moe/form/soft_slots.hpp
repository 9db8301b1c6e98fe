#pragma once
/// Soft MoE (Puigcerver et al. 2024): experts get mixtures of tokens, tokens mixtures of what comes out. No token is
/// sent anywhere, so there is nothing to balance and no choice to learn around.
///
///     z = router(x)                                  S x N s of a sequence, s slots for each expert
///     in_j  = sum over t of softmax_t(z_tj) x_t      over the tokens of the sequence
///     out_j = E_i(in_j)                              i = floor(j / s)
///     y_t   = sum over j of softmax_j(z_tj) out_j    over the slots

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/prefix_mixtures.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// Slots that mix all tokens of a sequence look ahead. So they do in training alone; evaluation and generation take the
/// causal form, in which a token has slots of its own, filled from the tokens up to itself:
///
///     in_tj = sum over u <= t of softmax_u(z_uj) x_u      y_t = sum over j of softmax_j(z_tj) E_i(in_tj)
///
/// The last token of a sequence gets the same from both. The causal form asks all N s slots of every token.
struct soft_slots {
  using slot = slots::form;
  using uses = slot_list<slots::experts, slots::body, slots::router>;
  index_t slots_per_expert = 1;  ///< s
  bool ahead = true;             ///< train in the form that looks ahead, as published
  static constexpr auto fields =
      std::tuple{field{"slots_per_expert", &soft_slots::slots_per_expert, "mixtures for each expert", at_least(1)},
                 field{"ahead", &soft_slots::ahead, "in training slots mix tokens to come, too; else never"}};
  static constexpr reach reaches = reach::sequence, reaches_in_evaluation = reach::past;

  layer_shape parts(layer_shape l) const {
    l.columns = l.experts * slots_per_expert;
    return l;
  }
  /// In training, with sequences as long as there are positions: looking ahead, N s are asked for all of their tokens
  /// together; in the causal form, which evaluation always takes, for each.
  double experts_per_token(const layer_shape& l) const {
    return static_cast<double>(l.experts * slots_per_expert) / static_cast<double>(ahead ? l.positions : 1);
  }

  template <class B>
  struct cached {
    running_mixtures<B> read;
  };
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x, const auto& my) const {
    const variable<B> z = parts.logits(at, x), share = softmax_rows(z);
    at.observe("router_logits", z);
    place<B> slots = at;  // rows are slots, no tokens: all of them count, and none is shown as a token's
    slots.valid = {};
    slots.observer = nullptr;
    if (at.training && ahead) {
      const variable<B> in =
          batched_matmul(softmax_cols(without_padding(at, z), at.sequence), x, at.batch, op::transpose);
      return batched_matmul(share, through_experts(slots, parts, in, 1), at.batch);
    }
    const variable<B> in = prefix_mixtures(z, x, at.sequence, my.cached.read);  // sequence, slot, token
    const variable<B> out = through_experts(slots, parts, in, at.sequence);
    const variable<B> weighed = multiply_col(out, reshape(transpose_groups(share, at.sequence), out.rows(), 1));
    return sum_over_slots(reshape(weighed, at.batch * z.cols(), at.sequence * x.cols()), at.batch, x.rows());
  }

 private:
  /// Tokens that do not count are in no slot.
  template <class B>
  static variable<B> without_padding(const place<B>& at, const variable<B>& z) {
    if (at.valid.all()) return z;
    const variable<B> counts(at.valid.mask), all(matrix<B>::filled(z.rows(), 1, 1));
    return add_col(z, at.constant(scale(subtract(counts, all), 1e30).value()));
  }
  /// Every slot in `each` rows, slot after slot.
  template <class B>
  variable<B> through_experts(const place<B>& at, auto& parts, const variable<B>& in, index_t each) const {
    recycled_vector<id_type> expert(static_cast<std::size_t>(in.rows()));
    const auto rows = static_cast<std::size_t>(each * slots_per_expert), n = static_cast<std::size_t>(at.layer.experts);
    for (std::size_t i = 0; i < expert.size(); ++i) expert[i] = static_cast<id_type>(i / rows % n);
    return parts.experts(at, in, parts.assign(at, id_matrix<B>::from_host(expert, in.rows(), 1)));
  }
  /// Rows are slots of sequences, with all of a sequence's tokens in each.
  template <class B>
  static variable<B> sum_over_slots(const variable<B>& out, index_t sequences, index_t tokens) {
    const variable<B> ones(matrix<B>::filled(sequences, out.rows() / sequences, 1), out.recorded_on(), false);
    const variable<B> sum = batched_matmul(ones, out, sequences);
    return reshape(sum, tokens, sum.size() / tokens);
  }
};

}  // namespace gmoe
