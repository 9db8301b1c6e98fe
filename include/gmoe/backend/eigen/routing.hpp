#pragma once
/// Turning scores into choices, and choices into runs of pairs per expert.

#include <algorithm>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct routing_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using ids = matrix_view<const id_type>;
  using ids_out = matrix_view<id_type>;

  /// The columns of the k largest entries of each row, largest first, NaNs before all numbers, ties towards the lower
  /// index.
  static void top_k_rows(ids_out choice, in scores) {
    const index_t k = choice.cols;
    constexpr fn::goes_before before;
    parallel_ranges(scores.rows, row_grain(scores.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S* s = scores.row(i);
        id_type* best = choice.row(i);
        index_t found = 0;
        for (index_t e = 0; e < scores.cols; ++e) {
          if (found == k && !before(s[e], s[best[k - 1]])) continue;
          index_t at = found < k ? found++ : k - 1;
          for (; at > 0 && before(s[e], s[best[at - 1]]); --at) best[at] = best[at - 1];
          best[at] = static_cast<id_type>(e);
        }
      }
    });
  }

  /// count (1 x N) = scale * number of pairs that chose each expert.
  static void count_choices(out count, S scale, ids choice) {
    std::fill_n(count.data, count.cols, S(0));
    for (index_t i = 0; i < choice.rows; ++i)
      for (index_t j = 0; j < choice.cols; ++j)
        if (is_choice(choice(i, j), count.cols)) count(0, choice(i, j)) += S(1);
    for (index_t e = 0; e < count.cols; ++e) count(0, e) *= scale;
  }

  /// fraction (1 x N) = the share of the pairs that chose each expert; zeros if there is no pair.
  static void choice_fractions(out fraction, ids choice) {
    const index_t pairs = count_pairs(choice).pairs;
    count_choices(fraction, pairs > 0 ? static_cast<S>(1.0 / static_cast<double>(pairs)) : S(0), choice);
  }

  /// Sets to `no_choice` every pair beyond the first `capacity` of its expert.
  static void limit_capacity(ids_out choice, index_t experts, index_t capacity, priority order) {
    const auto taken = scratch<index_t>(experts);
    std::fill_n(taken.data(), experts, index_t{0});
    const auto visit = [&](index_t i, index_t j) {
      id_type& e = choice(i, j);
      if (is_choice(e, experts) && taken[e]++ >= capacity) e = no_choice;
    };
    if (order == priority::token_order) {
      for (index_t i = 0; i < choice.rows; ++i)
        for (index_t j = 0; j < choice.cols; ++j) visit(i, j);
    } else {
      for (index_t j = 0; j < choice.cols; ++j) {
        if (order == priority::within_choice) std::fill_n(taken.data(), experts, index_t{0});
        for (index_t i = 0; i < choice.rows; ++i) visit(i, j);
      }
    }
  }

  /// The same with the room that `rule` gives for the pairs of `asked`, which may be `choice`.
  static void limit_capacity(ids_out choice, index_t experts, ids asked, const capacity_rule& rule, priority order) {
    const counted there = count_pairs(asked);
    limit_capacity(choice, experts, rule(there.pairs, there.tokens, experts), order);
  }

  /// Keeps the choice in column `slot` of token t only if 2 w(t, slot) > U(0, 1), drawn at counter t (GShard).
  static void keep_randomly(ids_out choice, in weights, index_t slot, random_stream random) {
    for (index_t i = 0; i < choice.rows; ++i)
      if (!fn::keeps_second_choice{}(weights(i, slot), random.uniform(static_cast<std::uint64_t>(i))))
        choice(i, slot) = no_choice;
  }

  /// Sorts the pairs by expert (counting sort, stable), leaving out what names none of them.
  static void sort_pairs(ids_out order, ids_out position, ids_out offsets, ids choice) {
    const index_t experts = offsets.cols - 1, pairs = choice.size();
    std::fill_n(offsets.data, experts + 1, id_type{0});
    for (index_t p = 0; p < pairs; ++p)
      if (is_choice(choice.data[p], experts)) ++offsets.data[choice.data[p] + 1];
    for (index_t e = 0; e < experts; ++e) offsets.data[e + 1] += offsets.data[e];
    const auto next = scratch<id_type>(experts);
    std::copy_n(offsets.data, experts, next.data());
    for (index_t p = 0; p < pairs; ++p) {
      const id_type e = choice.data[p];
      const bool there = is_choice(e, experts);
      if (there) order.data[next[e]] = static_cast<id_type>(p);
      position.data[p] = there ? next[e]++ : no_choice;
    }
  }

  /// first (1 x 1) = the first pair whose id is neither an expert's nor `no_choice`, or repeats one of its token; T K
  /// if there is none.
  static void find_mistake(ids_out first, ids choice, index_t experts) {
    const auto last = scratch<index_t>(experts);  // token that asked for the expert last
    std::fill_n(last.data(), experts, index_t{-1});
    for (index_t i = 0; i < choice.rows; ++i)
      for (index_t j = 0; j < choice.cols; ++j) {
        const id_type e = choice(i, j);
        if (e == no_choice) continue;
        if (!is_choice(e, experts) || last[e] == i) {
          first(0, 0) = static_cast<id_type>(i * choice.cols + j);
          return;
        }
        last[e] = i;
      }
    first(0, 0) = static_cast<id_type>(choice.size());
  }

 private:
  struct counted {
    index_t pairs = 0, tokens = 0;  ///< tokens: those with a pair
  };
  static counted count_pairs(ids choice) {
    counted all;
    for (index_t i = 0; i < choice.rows; ++i) {
      index_t pairs = 0;
      for (index_t j = 0; j < choice.cols; ++j) pairs += choice(i, j) != no_choice;
      all.pairs += pairs;
      all.tokens += pairs > 0;
    }
    return all;
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
