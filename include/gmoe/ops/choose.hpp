#pragma once
/// Choices made from scores, on the device: ids without a gradient.
///
/// Larger scores first, a NaN before every number, among equals the lower id: as everywhere (backend/contract.hpp).
/// Slots for which there is nothing to choose are `no_choice`. Masks are zeros and ones.

#include <algorithm>
#include <limits>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

namespace detail {
/// Entries of the matrix are numbered by ids.
template <class B>
void require_countable(const char* what, const matrix<B>& scores) {
  require(scores.size() <= std::numeric_limits<id_type>::max(), what, ": ", scores.size(), " scores are too many");
}
template <class B>
matrix_view<const typename B::scalar> checked_valid(const char* what, const matrix<B>& scores, const matrix<B>& valid) {
  require(valid.empty() || (valid.rows() == scores.rows() && valid.cols() == 1), what, ": valid rows must be ",
          scores.rows(), " x 1, got ", valid.rows(), " x ", valid.cols());
  return valid.view();
}
}  // namespace detail

/// T x k: the columns of the k largest scores of each row, best first.
template <class B>
id_matrix<B> choose_top_k(const matrix<B>& scores, index_t k) {
  require(k >= 0 && k <= scores.cols(), "choose_top_k: ", k, " of ", scores.cols(), " columns");
  id_matrix<B> choice(scores.rows(), k);
  if (k > 0) B::top_k_rows(choice.view(), scores.view());
  return choice;
}

/// T x k: the columns of the k largest scores of each row, best first, among those whose mask (1 x N or T x N) is 1.
template <class B>
id_matrix<B> choose_top_k(const matrix<B>& scores, index_t k, const matrix<B>& mask) {
  require(k >= 0, "choose_top_k: k is ", k);
  require(mask.cols() == scores.cols() && (mask.rows() == 1 || mask.rows() == scores.rows()),
          "choose_top_k: a mask of ", mask.rows(), " x ", mask.cols(), " for scores of ", scores.rows(), " x ",
          scores.cols());
  id_matrix<B> choice(scores.rows(), k);
  B::top_k_visible(choice.view(), scores.view(), mask.view());
  return choice;
}

/// T x at_most: of each row the fewest columns, best first, whose scores sum to more than `sum` (top-p); `at_most` of
/// them if that is not reached before.
template <class B>
id_matrix<B> choose_top_p(const matrix<B>& scores, double sum, index_t at_most) {
  require(at_most >= 1 && at_most <= scores.cols(), "choose_top_p: at most ", at_most, " of ", scores.cols(),
          " columns");
  id_matrix<B> choice(scores.rows(), at_most);
  B::top_k_rows(choice.view(), scores.view());
  B::keep_until_sum(choice.view(), scores.view(), static_cast<typename B::scalar>(sum));
  return choice;
}

/// T x at_most: the columns of each row whose score is above `threshold`, in ascending order; the lower ones, where
/// they are more than `at_most`.
template <class B>
id_matrix<B> choose_above(const matrix<B>& scores, double threshold, index_t at_most) {
  require(at_most >= 0, "choose_above: at most ", at_most, " columns");
  id_matrix<B> choice(scores.rows(), at_most);
  B::choose_above(choice.view(), scores.view(), static_cast<typename B::scalar>(threshold));
  return choice;
}

/// Expert choice: the `count` best rows of each column, best first, within every group of `group` rows (a sequence; all
/// rows: one group). (groups N) x count row numbers of the whole matrix; those of column e in group g are row g N + e.
/// Padding does not compete: rows whose `valid` (T x 1) is 0 are not chosen; an empty matrix says that all are valid.
template <class B>
id_matrix<B> choose_rows(const matrix<B>& scores, index_t count, index_t group, const matrix<B>& valid = {}) {
  group = std::max<index_t>(group, scores.rows() == 0);  // all of no rows
  require(count >= 0 && group >= 1 && scores.rows() % group == 0, "choose_rows: ", count, " rows of each group of ",
          group, " among ", scores.rows());
  detail::require_countable("choose_rows", scores);
  const auto mask = detail::checked_valid("choose_rows", scores, valid);
  id_matrix<B> rows(scores.rows() / group * scores.cols(), count);
  B::choose_rows(rows.view(), scores.view(), group, valid.empty() ? nullptr : &mask);
  return rows;
}

/// What choose_rows() found as choices of T tokens, a slot for each of N columns: T x N, e in slot e where column e
/// chose the row. Sorted by expert as it is (sort_by_expert).
template <class B>
id_matrix<B> choices_of_rows(const id_matrix<B>& rows, index_t tokens, index_t columns) {
  require(columns >= 1 && rows.rows() % columns == 0, "choices_of_rows: ", rows.rows(), " lists of rows for ", columns,
          " columns");
  id_matrix<B> choice(tokens, columns);
  B::choices_of_rows(choice.view(), rows.view());
  return choice;
}

/// A budget for the whole batch: the `count` best pairs (row, column) of all, as T x N choices, e in slot e where the
/// pair is among them. Rows whose `valid` (T x 1) is 0 do not compete; an empty matrix says that all are valid.
template <class B>
id_matrix<B> choose_pairs(const matrix<B>& scores, index_t count, const matrix<B>& valid = {}) {
  require(count >= 0, "choose_pairs: ", count, " pairs");
  detail::require_countable("choose_pairs", scores);
  const auto mask = detail::checked_valid("choose_pairs", scores, valid);
  id_matrix<B> choice(scores.rows(), scores.cols());
  B::choose_pairs(choice.view(), scores.view(), count, valid.empty() ? nullptr : &mask);
  return choice;
}

/// T x k: every slot a column drawn with the row's weights (not negative, of any sum), independently: a column may come
/// twice. A row of zeros chooses nothing. The same stream draws the same columns on every backend.
template <class B>
id_matrix<B> sample_columns(const matrix<B>& weights, index_t k, random_stream random) {
  require(k >= 0, "sample_columns: k is ", k);
  id_matrix<B> choice(weights.rows(), k);
  B::sample_rows(choice.view(), weights.view(), random);
  return choice;
}

}  // namespace gmoe
