#pragma once
/// Turning scores into choices, and choices into runs of pairs per expert.

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/sort.hpp"
#include "gmoe/backend/thrust/workspace.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// An entry of a row, by fn::goes_before, then lower columns; `col` -1 is behind everything.
template <class S>
struct candidate {
  S value;
  index_t col;
};
struct precedes {
  template <class S>
  GMOE_HD bool operator()(const candidate<S>& a, const candidate<S>& b) const {
    if (a.col < 0 || b.col < 0) return b.col < a.col;
    if (fn::goes_before{}(a.value, b.value)) return true;
    return !fn::goes_before{}(b.value, a.value) && a.col < b.col;
  }
};
struct first_of_both {
  template <class S>
  GMOE_HD candidate<S> operator()(const candidate<S>& a, const candidate<S>& b) const {
    return precedes{}(b, a) ? b : a;
  }
};

/// Finds the k first candidates one after the other: each is the first of those behind the last.
template <class S>
struct top_k_row {
  matrix_view<id_type> choice;
  matrix_view<const S> scores;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    candidate<S> last{S(0), -1};
    for (index_t k = 0; k < choice.cols; ++k) {
      candidate<S> best{S(0), -1};
      for (index_t e = team.first(); e < scores.cols; e += team.step()) {
        const candidate<S> c{scores(i, e), e};
        if ((k == 0 || precedes{}(last, c)) && precedes{}(c, best)) best = c;
      }
      last = team.reduce(best, first_of_both{});
      if (team.leads()) choice(i, k) = static_cast<id_type>(last.col);
    }
  }
};

/// Counts the pairs that chose expert e.
template <class S>
struct count_expert {
  matrix_view<S> count;
  S scale;
  matrix_view<const id_type> choice;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t e) const {
    index_t part = 0;
    for (index_t n = team.first(); n < choice.size(); n += team.step()) {
      const position at(n, choice.cols);
      part += choice(at.row, at.col) == e;
    }
    const index_t total = team.sum(part);
    if (team.leads()) count(0, e) = scale * static_cast<S>(total);
  }
};

/// The share of the pairs that chose expert e.
template <class S>
struct fraction_of_expert {
  matrix_view<S> fraction;
  matrix_view<const id_type> choice;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t e) const {
    index_t part = 0, there = 0;
    for (index_t n = team.first(); n < choice.size(); n += team.step()) {
      const position at(n, choice.cols);
      const id_type chosen = choice(at.row, at.col);
      part += chosen == e;
      there += chosen != no_choice;
    }
    const index_t total = team.sum(part), pairs = team.sum(there);
    if (team.leads())
      fraction(0, e) = pairs > 0 ? static_cast<S>(1.0 / static_cast<double>(pairs)) * static_cast<S>(total) : S(0);
  }
};

/// The room that a rule gives for the pairs of `asked`, made where the pairs are: nobody waits for it.
struct find_room {
  matrix_view<const id_type> asked;
  capacity_rule rule;
  index_t experts;
  index_t* room;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t) const {
    index_t pairs = 0, tokens = 0;
    for (index_t i = team.first(); i < asked.rows; i += team.step()) {
      index_t there = 0;
      for (index_t j = 0; j < asked.cols; ++j) there += asked(i, j) != no_choice;
      pairs += there;
      tokens += there > 0;
    }
    const index_t all_pairs = team.sum(pairs), all_tokens = team.sum(tokens);
    if (team.leads()) *room = rule(all_pairs, all_tokens, experts);
  }
};
struct room_in_memory {
  const index_t* room;
  GMOE_HD index_t operator()() const { return *room; }
};
struct known_room {
  index_t room;
  GMOE_HD index_t operator()() const { return room; }
};

/// The pairs in the order in which capacity is given out, each with the queue that it stands in.
struct queue_pairs {
  matrix_view<const id_type> choice;
  index_t experts;
  priority order;
  id_type *queue, *pair;
  GMOE_HD void operator()(index_t n) const {
    const bool by_token = order == priority::token_order;
    const position at(n, by_token ? choice.cols : choice.rows);
    const index_t i = by_token ? at.row : at.col, j = by_token ? at.col : at.row;
    const id_type e = choice(i, j);
    const index_t group = order == priority::within_choice ? j : 0;
    const index_t none = experts * (order == priority::within_choice ? choice.cols : 1);
    queue[n] = static_cast<id_type>(is_choice(e, experts) ? group * experts + e : none);
    pair[n] = static_cast<id_type>(i * choice.cols + j);
  }
};

/// Drops the pair at sorted place n if its queue is longer than the capacity.
template <class Room>
struct drop_late {
  matrix_view<id_type> choice;
  const id_type *queue, *pair, *run;
  index_t queues;
  Room room;
  GMOE_HD void operator()(index_t n) const {
    if (queue[n] == queues || n - run[queue[n]] < room()) return;
    const position at(pair[n], choice.cols);
    choice(at.row, at.col) = no_choice;
  }
};

template <class S>
struct keep_second_choice {
  matrix_view<id_type> choice;
  matrix_view<const S> weights;
  index_t slot;
  random_stream random;
  GMOE_HD void operator()(index_t i) const {
    if (!fn::keeps_second_choice{}(weights(i, slot), random.uniform(static_cast<std::uint64_t>(i))))
      choice(i, slot) = no_choice;
  }
};

struct number_pairs {
  const id_type* choice;
  index_t experts;
  id_type *key, *order;
  GMOE_HD void operator()(index_t p) const {
    key[p] = is_choice(choice[p], experts) ? choice[p] : static_cast<id_type>(experts);
    order[p] = static_cast<id_type>(p);
  }
};
struct note_positions {
  const id_type *key, *order;
  index_t experts;
  id_type* position_of;
  GMOE_HD void operator()(index_t i) const {
    position_of[order[i]] = key[i] < experts ? static_cast<id_type>(i) : no_choice;
  }
};

struct smaller {
  GMOE_HD id_type operator()(id_type a, id_type b) const { return b < a ? b : a; }
};
/// The first pair of row i that is a mistake, or `none`.
struct find_mistake_of_row {
  matrix_view<const id_type> choice;
  index_t experts;
  id_type none;
  id_type* first;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    id_type mine = none;
    for (index_t j = team.first(); j < choice.cols && mine == none; j += team.step()) {
      const id_type e = choice(i, j);
      bool wrong = e != no_choice && !is_choice(e, experts);
      if (e != no_choice)
        for (index_t before = 0; before < j && !wrong; ++before) wrong = choice(i, before) == e;
      if (wrong) mine = static_cast<id_type>(i * choice.cols + j);
    }
    const id_type found = team.reduce(mine, smaller{});
    if (team.leads()) first[i] = found;
  }
};
struct find_first {
  const id_type* of;
  index_t count;
  id_type none;
  id_type* first;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t) const {
    id_type mine = none;
    for (index_t i = team.first(); i < count; i += team.step()) mine = smaller{}(mine, of[i]);
    const id_type found = team.reduce(mine, smaller{});
    if (team.leads()) *first = found;
  }
};

template <class S>
struct routing_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using ids = matrix_view<const id_type>;
  using ids_out = matrix_view<id_type>;

  /// The columns of the k largest entries of each row, largest first, NaNs before all numbers, ties towards the lower
  /// index.
  static void top_k_rows(ids_out choice, in scores) {
    for_each_row(scores.rows, scores.cols, top_k_row<S>{choice, scores});
  }

  /// count (1 x N) = scale * number of pairs that chose each expert.
  static void count_choices(out count, S scale, ids choice) {
    for_each_row(count.cols, choice.size(), count_expert<S>{count, scale, choice});
  }

  /// fraction (1 x N) = the share of the pairs that chose each expert; zeros if there is no pair.
  static void choice_fractions(out fraction, ids choice) {
    for_each_row(fraction.cols, choice.size(), fraction_of_expert<S>{fraction, choice});
  }

  /// Sets to `no_choice` every pair beyond the first `capacity` of its expert.
  static void limit_capacity(ids_out choice, index_t experts, index_t capacity, priority order) {
    limit(choice, experts, known_room{capacity}, order);
  }
  /// The same with the room that `rule` gives for the pairs of `asked`, which may be `choice`.
  static void limit_capacity(ids_out choice, index_t experts, ids asked, const capacity_rule& rule, priority order) {
    const scratch<index_t> room(1);
    for_each_row(1, asked.rows, find_room{asked, rule, experts, room});
    limit(choice, experts, room_in_memory{room}, order);
  }

  /// Keeps the choice in column `slot` of token t only if 2 w(t, slot) > U(0, 1), drawn at counter t (GShard).
  static void keep_randomly(ids_out choice, in weights, index_t slot, random_stream random) {
    for_each_index(choice.rows, keep_second_choice<S>{choice, weights, slot, random});
  }

  /// Sorts the pairs by expert (stable). The dropped ones go to the end of `order`, behind offsets[experts].
  static void sort_pairs(ids_out order, ids_out position, ids_out offsets, ids choice) {
    const index_t experts = offsets.cols - 1, pairs = choice.size();
    const scratch<id_type> key(pairs);
    for_each_index(pairs, number_pairs{choice.data, experts, key, order.data});
    stable_sort(key, order.data, pairs);
    find_runs(offsets.data, key, pairs, experts);
    for_each_index(pairs, note_positions{key, order.data, experts, position.data});
  }

  /// first (1 x 1) = the first pair whose id is neither an expert's nor `no_choice`, or repeats one of its token; T K
  /// if there is none.
  static void find_mistake(ids_out first, ids choice, index_t experts) {
    const auto none = static_cast<id_type>(choice.size());
    const scratch<id_type> of_row(choice.rows);
    for_each_row(choice.rows, choice.cols, find_mistake_of_row{choice, experts, none, of_row});
    for_each_row(1, choice.rows, find_first{of_row, choice.rows, none, first.data});
  }

 private:
  template <class Room>
  static void limit(ids_out choice, index_t experts, const Room& room, priority order) {
    const index_t pairs = choice.size(), queues = experts * (order == priority::within_choice ? choice.cols : 1);
    if (pairs == 0) return;
    const scratch<id_type> queue(pairs), pair(pairs), run(queues + 1);
    for_each_index(pairs, queue_pairs{choice, experts, order, queue, pair});
    stable_sort(queue, pair, pairs);
    find_runs(run, queue, pairs, queues);
    for_each_index(pairs, drop_late<Room>{choice, queue, pair, run, queues, room});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
