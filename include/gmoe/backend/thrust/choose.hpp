#pragma once
/// Choices by other rules than the k best of each row: visible ones, up to a sum, above a threshold, by columns, over
/// the whole matrix, drawn. contract.hpp has the rule for NaNs and ties.

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/routing.hpp"
#include "gmoe/backend/thrust/sort.hpp"
#include "gmoe/backend/thrust/workspace.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// top_k_row (routing.hpp) among the columns whose mask is above 0.
template <class S>
struct top_k_visible_row {
  matrix_view<id_type> choice;
  matrix_view<const S> scores, mask;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S* const visible = mask.row(mask.rows == 1 ? 0 : i);
    candidate<S> last{S(0), -1};
    for (index_t k = 0; k < choice.cols; ++k) {
      candidate<S> best{S(0), -1};
      for (index_t e = team.first(); e < scores.cols; e += team.step()) {
        const candidate<S> c{scores(i, e), e};
        if (visible[e] > S(0) && (k == 0 || precedes{}(last, c)) && precedes{}(c, best)) best = c;
      }
      last =
          team.reduce(best, first_of_both{});  // behind everything once no column is left, and nothing is behind that
      if (team.leads()) choice(i, k) = last.col < 0 ? no_choice : static_cast<id_type>(last.col);
    }
  }
};

template <class S>
struct keep_slot_where {
  matrix_view<id_type> choice;
  matrix_view<const S> x;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, choice.cols);
    if (!(x(at.row, at.col) > S(0))) choice(at.row, at.col) = no_choice;
  }
};

template <class S>
struct keep_row_until_sum {
  matrix_view<id_type> choice;
  matrix_view<const S> scores;
  S limit;
  GMOE_HD void operator()(index_t i) const {
    double sum = 0;
    bool enough = false;
    for (index_t j = 0; j < choice.cols; ++j) {
      if (enough) choice(i, j) = no_choice;
      if (choice(i, j) == no_choice) continue;
      sum += static_cast<double>(scores(i, choice(i, j)));
      enough = sum > static_cast<double>(limit);
    }
  }
};

template <class S>
struct choose_row_above {
  matrix_view<id_type> choice;
  matrix_view<const S> scores;
  S threshold;
  GMOE_HD void operator()(index_t i) const {
    index_t found = 0;
    for (index_t e = 0; e < scores.cols && found < choice.cols; ++e)
      if (fn::goes_before{}(scores(i, e), threshold)) choice(i, found++) = static_cast<id_type>(e);
    for (; found < choice.cols; ++found) choice(i, found) = no_choice;
  }
};

/// A score as an unsigned number that is smaller the earlier the score is chosen; the largest is left for what must not
/// be chosen at all.
template <class S>
struct score_key {
  using type = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
  static constexpr type never = ~type{0};
  GMOE_HD type operator()(S score) const {
    if (score != score) return 0;
    if (score == S(0)) score = S(0);  // of either sign
    type bits;
    memcpy(&bits, &score, sizeof bits);
    constexpr type sign = type{1} << (8 * sizeof(type) - 1);
    return (bits & sign) != 0 ? bits : ~(bits | sign);
  }
};

/// All entries, row by row, with their keys.
template <class S>
struct number_scores {
  using key_type = typename score_key<S>::type;
  matrix_view<const S> scores;
  const S* valid;  ///< of each row, `valid_step` apart; null: all are
  index_t valid_step;
  key_type* key;
  id_type* entry;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, scores.cols);
    const bool may = valid == nullptr || valid[at.row * valid_step] > S(0);
    key[n] = may ? score_key<S>{}(scores(at.row, at.col)) : score_key<S>::never;
    entry[n] = static_cast<id_type>(n);
  }
};

/// The column, within its group of rows, of the entry at sorted place n.
template <class Key>
struct column_of_entry {
  const Key* key;
  const id_type* entry;
  index_t cols, group, columns;
  Key never;
  id_type* column;
  GMOE_HD void operator()(index_t n) const {
    const position at(entry[n], cols);
    column[n] = static_cast<id_type>(key[n] == never ? columns : at.row / group * cols + at.col);
  }
};
struct rows_of_run {
  matrix_view<id_type> rows;
  const id_type *entry, *run;
  index_t cols;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, rows.cols);
    const index_t place = run[at.row] + at.col;
    rows(at.row, at.col) = place < run[at.row + 1] ? static_cast<id_type>(entry[place] / cols) : no_choice;
  }
};

struct choice_of_row {
  matrix_view<id_type> choice;
  matrix_view<const id_type> rows;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, rows.cols);
    const id_type t = rows(at.row, at.col);
    const index_t e = at.row % choice.cols;
    if (t != no_choice) choice(t, e) = static_cast<id_type>(e);
  }
};

template <class Key>
struct choose_entry {
  matrix_view<id_type> choice;
  const Key* key;
  const id_type* entry;
  Key never;
  GMOE_HD void operator()(index_t n) const {
    const position at(entry[n], choice.cols);
    if (key[n] != never) choice(at.row, at.col) = static_cast<id_type>(at.col);
  }
};

template <class S>
struct empty_slot {
  matrix_view<id_type> choice;
  matrix_view<const S> valid;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, choice.cols);
    if (!(valid(at.row, 0) > S(0))) choice(at.row, at.col) = no_choice;
  }
};

template <class S>
struct sample_slot {
  matrix_view<id_type> choice;
  matrix_view<const S> weights;
  random_stream random;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, choice.cols);
    choice(at.row, at.col) =
        fn::column_drawn{}(weights.row(at.row), weights.cols, random.uniform(static_cast<std::uint64_t>(n)));
  }
};

template <class S>
struct choice_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using ids = matrix_view<const id_type>;
  using ids_out = matrix_view<id_type>;

  /// The columns of the k largest entries of each row among those whose mask (1 x N or T x N) is above 0, then
  /// `no_choice`.
  static void top_k_visible(ids_out choice, in scores, in mask) {
    for_each_row(scores.rows, scores.cols, top_k_visible_row<S>{choice, scores, mask});
  }

  /// Empties the slots whose entry of x, of the same shape, is not above 0.
  static void keep_where(ids_out choice, in x) { for_each_index(choice.size(), keep_slot_where<S>{choice, x}); }

  /// Empties the slots of each row behind the one with which the sum of the scores chosen so far exceeds `limit`.
  static void keep_until_sum(ids_out choice, in scores, S limit) {
    for_each_index(choice.rows, keep_row_until_sum<S>{choice, scores, limit});
  }

  /// The columns of each row that go before `threshold`, lower ones first, as many as there is room for.
  static void choose_above(ids_out choice, in scores, S threshold) {
    for_each_index(scores.rows, choose_row_above<S>{choice, scores, threshold});
  }

  /// rows (groups N x c): the c best rows of each column within each group of `group` rows, best first, of those whose
  /// `valid` (T x 1) is above 0 if that is given; then `no_choice`. Column e of group g is row g N + e of the result.
  static void choose_rows(ids_out rows, in scores, index_t group, const in* valid) {
    if (rows.size() == 0) return;
    const index_t entries = scores.size(), columns = rows.rows;
    const scratch<key_type> key(entries);
    const scratch<id_type> entry(entries), column(entries), run(columns + 1);
    sort_entries(key, entry, scores, valid);
    for_each_index(entries, column_of_entry<key_type>{key, entry, scores.cols, group, columns, never, column});
    stable_sort(column, entry, entries);
    find_runs(run, column, entries, columns);
    for_each_index(rows.size(), rows_of_run{rows, entry, run, scores.cols});
  }

  /// choice (T x N) = e where column e chose row t, else `no_choice`; `rows` as choose_rows leaves them.
  static void choices_of_rows(ids_out choice, ids rows) {
    memory_kernels<S>::fill(choice, no_choice);
    for_each_index(rows.size(), choice_of_row{choice, rows});
  }

  /// choice (T x N) = e where the entry in column e is among the `count` best of the whole matrix, else `no_choice`; of
  /// the rows whose `valid` is above 0 if that is given. Among equals the lower row, then the lower column.
  static void choose_pairs(ids_out choice, in scores, index_t count, const in* valid) {
    const index_t entries = scores.size();
    const scratch<key_type> key(entries);
    const scratch<id_type> entry(entries);
    memory_kernels<S>::fill(choice, no_choice);
    sort_entries(key, entry, scores, valid);
    for_each_index(count < entries ? count : entries, choose_entry<key_type>{choice, key, entry, never});
  }

  /// Empties the slots of rows whose mark, T x 1, is not above 0.
  static void empty_rows(ids_out choice, in valid) { for_each_index(choice.size(), empty_slot<S>{choice, valid}); }

  /// Every slot of row t: a column drawn with the row's weights, at counter t slots + slot of the stream.
  static void sample_rows(ids_out choice, in weights, random_stream random) {
    for_each_index(choice.size(), sample_slot<S>{choice, weights, random});
  }

 private:
  using key_type = typename score_key<S>::type;
  static constexpr key_type never = score_key<S>::never;

  /// All entries of `scores` by number, the first to be chosen first.
  static void sort_entries(key_type* key, id_type* entry, in scores, const in* valid) {
    const index_t entries = scores.size();
    for_each_index(entries,
                   number_scores<S>{scores, valid ? valid->data : nullptr, valid ? valid->stride : 0, key, entry});
    if (entries > 0) stable_sort_by(key, entry, entries);
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
