#pragma once
/// Choices by other rules than the k best of each row: visible ones, up to a sum, above a threshold, by columns, over
/// the whole matrix, drawn. contract.hpp has the rule for NaNs and ties.

#include <algorithm>
#include <numeric>

#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// Orders numbers of scores: fn::goes_before, then the lower number.
template <class S>
struct better_score {
  const S* score;
  bool operator()(id_type a, id_type b) const {
    constexpr fn::goes_before before;
    return before(score[a], score[b]) || (!before(score[b], score[a]) && a < b);
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
    const index_t k = choice.cols;
    constexpr fn::goes_before before;
    parallel_ranges(scores.rows, row_grain(scores.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end && k > 0; ++i) {
        const S *s = scores.row(i), *visible = mask.row(mask.rows == 1 ? 0 : i);
        id_type* best = choice.row(i);
        index_t found = 0;
        for (index_t e = 0; e < scores.cols; ++e) {
          if (!(visible[e] > S(0)) || (found == k && !before(s[e], s[best[k - 1]]))) continue;
          index_t at = found < k ? found++ : k - 1;
          for (; at > 0 && before(s[e], s[best[at - 1]]); --at) best[at] = best[at - 1];
          best[at] = static_cast<id_type>(e);
        }
        std::fill(best + found, best + k, no_choice);
      }
    });
  }

  /// Empties the slots whose entry of x, of the same shape, is not above 0.
  static void keep_where(ids_out choice, in x) {
    for (index_t i = 0; i < choice.rows; ++i)
      for (index_t j = 0; j < choice.cols; ++j)
        if (!(x(i, j) > S(0))) choice(i, j) = no_choice;
  }

  /// Empties the slots of each row behind the one with which the sum of the scores chosen so far exceeds `limit`.
  static void keep_until_sum(ids_out choice, in scores, S limit) {
    for (index_t i = 0; i < choice.rows; ++i) {
      double sum = 0;
      bool enough = false;
      for (index_t j = 0; j < choice.cols; ++j) {
        if (enough) choice(i, j) = no_choice;
        if (choice(i, j) == no_choice) continue;
        sum += static_cast<double>(scores(i, choice(i, j)));
        enough = sum > static_cast<double>(limit);
      }
    }
  }

  /// The columns of each row that go before `threshold`, lower ones first, as many as there is room for.
  static void choose_above(ids_out choice, in scores, S threshold) {
    parallel_ranges(scores.rows, row_grain(scores.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        index_t found = 0;
        for (index_t e = 0; e < scores.cols && found < choice.cols; ++e)
          if (fn::goes_before{}(scores(i, e), threshold)) choice(i, found++) = static_cast<id_type>(e);
        std::fill(choice.row(i) + found, choice.row(i) + choice.cols, no_choice);
      }
    });
  }

  /// rows (groups N x c): the c best rows of each column within each group of `group` rows, best first, of those whose
  /// `valid` (T x 1) is above 0 if that is given; then `no_choice`. Column e of group g is row g N + e of the result.
  static void choose_rows(ids_out rows, in scores, index_t group, const in* valid) {
    parallel_ranges(rows.rows, 1, [&](index_t begin, index_t end) {
      const auto score = scratch<S>(group);
      const auto candidate = scratch<id_type>(group);
      for (index_t r = begin; r < end; ++r) {
        const index_t first = r / scores.cols * group, e = r % scores.cols;
        index_t count = 0;
        for (index_t i = 0; i < group; ++i) {
          score[i] = scores(first + i, e);
          if (!valid || (*valid)(first + i, 0) > S(0)) candidate[count++] = static_cast<id_type>(i);
        }
        const index_t best = std::min(count, rows.cols);
        std::partial_sort(candidate.data(), candidate + best, candidate + count, better_score<S>{score});
        for (index_t k = 0; k < rows.cols; ++k)
          rows(r, k) = k < best ? static_cast<id_type>(first + candidate[k]) : no_choice;
      }
    });
  }

  /// choice (T x N) = e where column e chose row t, else `no_choice`; `rows` as choose_rows leaves them.
  static void choices_of_rows(ids_out choice, ids rows) {
    for (index_t i = 0; i < choice.rows; ++i) std::fill_n(choice.row(i), choice.cols, no_choice);
    for (index_t r = 0; r < rows.rows; ++r)
      for (index_t k = 0; k < rows.cols; ++k)
        if (rows(r, k) != no_choice) choice(rows(r, k), r % choice.cols) = static_cast<id_type>(r % choice.cols);
  }

  /// choice (T x N) = e where the entry in column e is among the `count` best of the whole matrix, else `no_choice`; of
  /// the rows whose `valid` is above 0 if that is given. Among equals the lower row, then the lower column.
  static void choose_pairs(ids_out choice, in scores, index_t count, const in* valid) {
    const auto score = scratch<S>(scores.size());
    const auto candidate = scratch<id_type>(scores.size());
    index_t candidates = 0;
    for (index_t i = 0; i < scores.rows; ++i) {
      std::copy_n(scores.row(i), scores.cols, score + i * scores.cols);
      std::fill_n(choice.row(i), choice.cols, no_choice);
      if (valid && !((*valid)(i, 0) > S(0))) continue;
      std::iota(candidate + candidates, candidate + candidates + scores.cols, static_cast<id_type>(i * scores.cols));
      candidates += scores.cols;
    }
    const index_t best = std::min(count, candidates);
    if (best < candidates)
      std::nth_element(candidate.data(), candidate + best, candidate + candidates, better_score<S>{score});
    for (index_t n = 0; n < best; ++n) {
      const index_t i = candidate[n] / scores.cols, e = candidate[n] % scores.cols;
      choice(i, e) = static_cast<id_type>(e);
    }
  }

  /// Empties the slots of rows whose mark, T x 1, is not above 0.
  static void empty_rows(ids_out choice, in valid) {
    for (index_t i = 0; i < choice.rows; ++i)
      if (!(valid(i, 0) > S(0))) std::fill_n(choice.row(i), choice.cols, no_choice);
  }

  /// Every slot of row t: a column drawn with the row's weights, at counter t slots + slot of the stream.
  static void sample_rows(ids_out choice, in weights, random_stream random) {
    parallel_ranges(choice.rows, row_grain(weights.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i)
        for (index_t j = 0; j < choice.cols; ++j)
          choice(i, j) = fn::column_drawn{}(weights.row(i), weights.cols,
                                            random.uniform(static_cast<std::uint64_t>(i * choice.cols + j)));
    });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
