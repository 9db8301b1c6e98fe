#pragma once
/// StableMoE's two stages (Dai et al., ACL 2022): first the router decides and a table of words learns to decide like
/// it, then the table decides, for good.

#include <algorithm>
#include <utility>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/balance/crowding_loss.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/moe/token_table.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// Stage one, in the first `stage_one` optimiser steps: s = argmax z. Training passes add two losses,
///
///     crowding     = balance / M sum over layers of sum_i (c_i N / T - 1) mean of p_ti over the c_i tokens of expert i
///     distillation = the mean over taught layers and tokens of  -log softmax(D e_t)_s        e_t = words[id_t]
///
/// c_i constants. The words' router D and e learns from s; nothing flows back into what s was decided by. Stage two:
/// s = argmax D e_t, from a table that is written when stage one ends and saved with the model. D and e train no more.
///
/// With `one_table` all layers share D, e and table, and the first one teaches; else every layer has and teaches its
/// own. The score's numbers do not matter for the choice, and say the weight in both stages.
struct distilled_choice {
  using slot = slots::select;
  index_t stage_one = 60;
  double balance = 0.3;
  index_t width = 50;
  bool one_table = true;
  static constexpr auto fields = std::tuple{
      field{"stage_one", &distilled_choice::stage_one,
            "optimiser steps until the table decides; about a tenth of all of them", at_least(1)},
      field{"balance", &distilled_choice::balance, "coefficient of the loss on crowded experts, in stage one",
            at_least(0)},
      field{"width", &distilled_choice::width, "numbers per token id from which the table is learned", at_least(1)},
      field{"one_table", &distilled_choice::one_table, "one table for all layers, which the first one teaches"}};

  template <class B>
  struct shared {
    parameter<B> words;  ///< e: V x width
    parameter<B> head;   ///< D: N x width
    buffer<B> table;     ///< V x 1: the expert of every token id, in stage two
    matrix<B> numbers;   ///< 0, 1, ... N - 1
  };
  index_t group(index_t layer) const { return one_table ? 0 : layer; }
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    shared<B> s{make.normal("words", l.vocab, width, 1),
                make.linear("head", l.experts, width),
                make.table("table", l.vocab, l.experts, [&](index_t id) { return id % l.experts; }),
                {}};
    if (make.mode() != build_mode::shapes_only) s.numbers = numbers_below<B>(l.experts);
    return s;
  }

  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    require(at.tokens.size() == r.logits.rows(), "distilled_choice: ", at.tokens.size(), " token ids for ",
            r.logits.rows(), " tokens; the table needs the ids in the context");
    return choose_top_k(
        in_stage_one(at.step) ? r.logits.value() : marks_of(look_up(my.shared.table, at.tokens), my.shared.numbers), 1);
  }
  template <class B>
  void remember(const place<B>& at, const routing<B>& r, const auto& my) const {
    const index_t counted = r.valid.among(r.chosen.rows());
    if (!at.training || !in_stage_one(at.step) || counted == 0) return;
    const double mean = 1 / static_cast<double>(at.layer.moe_layers);
    const double even = static_cast<double>(counted) / static_cast<double>(r.experts);
    at.add_loss("crowding", scale(detail::crowding(at, r, even), balance * mean));
    if (one_table && at.layer.moe_layer > 0) return;
    const variable<B> says =
        matmul(take_rows(at.use(my.shared.words), at.tokens), at.use(my.shared.head), op::transpose);
    at.add_loss("distillation", scale(cross_entropy(says, r.chosen, counted), one_table ? 1 : mean));
  }

  /// The table is written before the first step of stage two, and what it was learned from stands still.
  void before_step(std::int64_t step, const auto& my) const {
    if (step == stage_one) write_table(my.shared);
    my.shared.words.set_trained(in_stage_one(step));
    my.shared.head.set_trained(in_stage_one(step));
  }
  /// ... and after the last step of stage one, for evaluation.
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>&, const auto& my) const {
    if (step + 1 == stage_one) write_table(my.shared);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logit_per_expert<Card>,
                  "gmoe: distilled_choice takes the expert of the largest logit, but the card's score asks for other "
                  "columns");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: distilled_choice adds up scores of crowded experts, but the card's scores are logits, which "
                  "may be negative: it takes another score, such as sigmoid_score");
    static_assert(!has_uneven_layers<Card>,
                  "gmoe: distilled_choice has one table for all layers, but the card's pool shows other numbers of "
                  "experts to other layers");
    static_assert(!has_hook_within<hooks::mask, answer<Card, slots::candidates>>,
                  "gmoe: distilled_choice has a table that does not know of candidates, but the card's leave some "
                  "experts out");
    return true;
  }

 private:
  bool in_stage_one(std::int64_t step) const { return step < static_cast<std::int64_t>(stage_one); }

  template <class B>
  static void write_table(shared<B>& s) {
    matrix<B> says(s.words.rows(), s.head.rows());
    B::gemm(op::none, op::transpose, 1, std::as_const(s.words).value().view(), std::as_const(s.head).value().view(), 0,
            says.view());
    assign_table<B>("distilled_choice", s.table, choose_top_k(says, 1).to_host());
  }
};

}  // namespace gmoe
