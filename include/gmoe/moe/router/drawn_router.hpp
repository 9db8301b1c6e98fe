#pragma once
/// Experts drawn at random, of which any two are to agree (THOR, Zuo et al. 2022).

#include <algorithm>
#include <tuple>
#include <utility>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/repeat.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// z = 1 for the expert that is drawn for the token's sequence, 0 for the others; goes with plain_score, top_k and
/// unit_weight. All experts are equally likely, in every layer anew. A training loss makes two passes over the same
/// tokens with two different experts, where there are two:
///
///     loss = (CE_1 + CE_2 + agreement (KL(p_1 | p_2) + KL(p_2 | p_1)) / 2) / 2        p_1, p_2: the next token's
///
/// In evaluation there is one pass, and a sequence that goes on keeps its experts; or nobody draws there, and it is
/// expert 0 of each layer.
struct drawn_router {
  using slot = slots::router;
  static constexpr bool makes_scores = true, reads_ids_alone = true;
  static constexpr reach reaches = reach::past;  // the sequence's draw
  double agreement = 5;
  bool draws_in_evaluation = true;
  static constexpr auto fields = std::tuple{
      field{"agreement", &drawn_router::agreement, "weight of how far two passes are from each other", at_least(0)},
      field{"draws_in_evaluation", &drawn_router::draws_in_evaluation,
            "whether evaluation and generation draw too, or take expert 0"}};

  template <class B>
  struct cached {
    matrix<B> marks;  ///< sequences x N: 1 for the sequence's expert
  };
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    require(at.batch * at.sequence == x.rows(), "drawn_router: ", x.rows(), " rows are no ", at.batch, " sequences of ",
            at.sequence);
    matrix<B>& marks = my.cached.marks;
    if (marks.empty()) marks = draw(at);
    // Each sequence's row as often as it has tokens: as columns they are copies side by side.
    const variable<B> copies = repeat_cols(at.constant(marks.reshaped(marks.size(), 1)), at.sequence);
    return transpose_groups(copies, marks.cols());
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logits_for_scores<Card>,
                  "gmoe: drawn_router has decided already, by ones and zeros: its card takes plain_score");
    static_assert(
        !has_balance<Card>,
        "gmoe: drawn_router learns nothing, so that a balance loss would have no effect: its card takes no_balance");
    return true;
  }

 private:
  /// The expert with the largest of N draws, in the second pass the one with the second largest.
  template <class B>
  matrix<B> draw(const place<B>& at) const {
    const index_t n = at.layer.experts;
    if (!at.training && !draws_in_evaluation) {
      matrix<B> first = matrix<B>::filled(at.batch, n, 0);
      B::fill(first.view().col_block(0, 1), typename B::scalar(1));
      return first;
    }
    matrix<B> u(at.batch, n);
    B::fill_uniform(u.view(), 0, 1, at.stream(random_site::router, u.size()));
    if (at.observer) at.observer->see_draw("expert_draws", at.block, u);
    const auto best = [&](index_t k) {
      matrix<B> marks(at.batch, n);
      B::one_hot(marks.view(), choose_top_k(u, k).view());
      return variable<B>(std::move(marks));
    };
    return at.pass_number == 0 || n == 1 ? best(1).value() : subtract(best(2), best(1)).value();
  }
};

}  // namespace gmoe
