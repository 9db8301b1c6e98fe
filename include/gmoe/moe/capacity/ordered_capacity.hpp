#pragma once
/// Who is left out when an expert is full, and what becomes of them: random token selection (Z-code M3, Kim et al.
/// 2021), score order and rerouting (Capacity-Aware Inference, He et al. 2025).

#include <algorithm>
#include <array>
#include <string_view>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/field.hpp"
#include "gmoe/moe/capacity/capacity.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/repeat.hpp"

namespace gmoe {

/// Whom a full expert has taken first.
enum class taken_first {
  earlier,  ///< tokens, in the order of the batch
  random,   ///< tokens, in an order drawn for every layer and step
  better,   ///< pairs with a higher score
};
constexpr auto names_of(taken_first) { return std::array<std::string_view, 3>{"earlier", "random", "better"}; }

/// What becomes of a pair that finds no room.
enum class overflow {
  drop,       ///< nothing
  next_best,  ///< the token's next best experts are asked in its place
};
constexpr auto names_of(overflow) { return std::array<std::string_view, 2>{"drop", "next_best"}; }

/// In training every expert takes C pairs at most, those that come first by `order`, among equals the earlier token;
/// C follows from the slots that count, K T of T tokens. In evaluation nothing is dropped.
///
/// With `next_best` tokens that were turned away ask on: in rounds, for the expert on place K + 1 of their scores, then
/// K + 2, ... N. In each round every token that still lacks an expert asks that one, and an expert with room left takes
/// those who ask, by `order` again. Nobody who was taken is turned away later. So a slot of `kept` may hold another
/// expert than that of `chosen`: experts stand by falling score there, and the gate must read `kept`.
struct ordered_capacity {
  using slot = slots::capacity;
  double factor = 1.25;  ///< c
  taken_first order = taken_first::better;
  gmoe::overflow overflow = gmoe::overflow::next_best;
  gmoe::room room = gmoe::room::rounded_up;
  static constexpr auto fields =
      std::tuple{field{"factor", &ordered_capacity::factor, "capacity factor: room against an even share", above(0)},
                 field{"order", &ordered_capacity::order, "whom an expert takes first"},
                 field{"overflow", &ordered_capacity::overflow, "what becomes of a pair without room"},
                 field{"room", &ordered_capacity::room, "how the room follows from what is asked for"}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  id_matrix<B> keep(const place<B>& at, const routing<B>& r) const {
    const index_t tokens = r.chosen.rows(), slots = r.chosen.cols(), counted = r.valid.among(tokens);
    if (!at.training || counted == 0) return r.chosen;
    const index_t capacity = capacity_rule{factor, room}(slots * counted, counted, r.experts);
    const variable<B> keys = keys_of(at, r), asked = experts_in<B>(r.chosen.view(), r.experts);
    variable<B> taken = first_ones(keys, variable<B>(matrix<B>::filled(tokens, r.experts, 0)), asked, capacity);
    id_matrix<B> kept = r.chosen.clone();
    if (overflow == gmoe::overflow::drop) {
      B::keep_where(kept.view(), gather_elements(taken, r.chosen).value().view());
      return kept;
    }
    const variable<B> wanted = row_sums(asked);
    const matrix<B>& p = r.scores.value();
    const id_matrix<B> ranked = r.mask.empty() ? choose_top_k(p, r.experts) : choose_top_k(p, r.experts, r.mask);
    for (index_t place = slots; place < r.experts; ++place) {
      const variable<B> lacking = open_gate(subtract(wanted, row_sums(taken)));  // 1 for tokens that lack an expert
      const variable<B> next = multiply_col(experts_in<B>(ranked.view().col_block(place, 1), r.experts), lacking);
      taken = first_ones(keys, taken, relu(subtract(next, taken)), capacity);
    }
    return choose_top_k(p, slots, taken.value());
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(
        requires { answer<Card, slots::gate>::reads_kept; },
        "gmoe: ordered_capacity may put other experts in the place of those that were asked for: its card takes "
        "a gate that reads the kept ones, kept_score or scores_over_kept");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: ordered_capacity orders by scores from 0 on, but the card's scores are logits, which may be "
                  "negative: it takes another score, such as softmax_score");
    return true;
  }

 private:
  /// T x N, 1 for the experts that a row of `ids` holds.
  template <class B>
  static variable<B> experts_in(matrix_view<const id_type> ids, index_t experts) {
    matrix<B> marks(ids.rows, experts);
    B::one_hot(marks.view(), ids);
    return variable<B>(std::move(marks));
  }

  /// T x N, what pairs are ordered by, at least 0.
  template <class B>
  variable<B> keys_of(const place<B>& at, const routing<B>& r) const {
    if (order == taken_first::better) return variable<B>(r.scores.value());
    const index_t tokens = r.chosen.rows();
    matrix<B> number = matrix<B>::filled(tokens, 1, 0);
    if (order == taken_first::random) {
      B::fill_uniform(number.view(), 0, 1, at.stream(random_site::capacity, tokens));
      if (at.observer) at.observer->see_draw("capacity_order", at.block, number);
    }
    return repeat_cols(variable<B>(std::move(number)), r.experts);
  }
  /// Of those who ask, each expert takes the first ones, as many as it has room for beside those that it has: all of
  /// them, T x N.
  template <class B>
  static variable<B> first_ones(const variable<B>& keys, const variable<B>& taken, const variable<B>& asking,
                                index_t capacity) {
    const index_t tokens = keys.rows(), experts = keys.cols();
    const variable<B> either = add(taken, asking);  // 0 or 1: nobody asks who has been taken
    const variable<B> ones(matrix<B>::filled(tokens, experts, 1));
    // Those taken before stand first, those who do not ask behind all others.
    const variable<B> standing = add(scale(taken, 1e6), multiply(keys, asking), subtract(either, ones));
    const id_matrix<B> rows = choose_rows(standing.value(), std::min(capacity, tokens), tokens);
    return multiply(either, gather_elements(ones, choices_of_rows(rows, tokens, experts)));
  }
};

}  // namespace gmoe
