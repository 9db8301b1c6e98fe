#pragma once
/// Choices by other rules than the k best visible columns, made of that one.

#include <algorithm>

#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct choice_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void top_k_rows(ids_out choice, in scores) {
    const matrix<B> all = ones<B>(1, scores.cols);
    B::top_k_visible(choice, scores, all.view());
  }

  /// Slot by slot: a slot stays if nothing was chosen before it, or its scores did not exceed the limit.
  static void keep_until_sum(ids_out choice, in scores, S limit) {
    matrix<B> sum = zeros<B>(choice.rows, 1), before = zeros<B>(choice.rows, 1), now(choice.rows, 1);
    for (index_t j = 0; j < choice.cols; ++j) {
      const ids_out slot = choice.col_block(j, 1);
      B::map(now.view(), S(0), finds_room<S>{limit}, sum.view(), before.view());
      B::keep_where(slot, now.view());
      B::gather_elements(now.view(), scores, slot);
      B::map(sum.view(), S(1), fn::same{}, now.view());
      B::map(before.view(), S(1), fn::same{}, filled_slots<B>(slot, scores.cols).view());
    }
  }

  /// Of equal scores the lower columns come first.
  static void choose_above(ids_out choice, in scores, S threshold) {
    const matrix<B> equal = zeros<B>(scores.rows, scores.cols);
    matrix<B> above(scores.rows, scores.cols);
    B::map(above.view(), S(0), is_before<S>{threshold}, scores);
    B::top_k_visible(choice, equal.view(), above.view());
  }

  /// Columns become rows; those of one group see only its rows.
  static void choose_rows(ids_out rows, in scores, index_t group, const in* valid) {
    const index_t count = scores.rows, experts = scores.cols;
    matrix<B> turned(experts, count), mask = ones<B>(1, count);
    if (count == 0) return;
    B::transpose_groups(turned.view(), S(0), scores, count);
    if (valid) B::transpose_groups(mask.view(), S(0), *valid, count);
    for (index_t first = 0, to = 0; first < count; first += group, to += experts) {
      matrix<B> visible = zeros<B>(1, count);
      B::map(visible.view().col_block(first, group), S(0), fn::same{}, mask.view().col_block(first, group));
      B::top_k_visible(rows.row_block(to, experts), turned.view(), visible.view());
    }
  }

  static void choices_of_rows(ids_out choice, ids rows) {
    matrix<B> chosen(rows.rows, choice.rows), turned = zeros<B>(choice.rows, choice.cols);
    B::one_hot(chosen.view(), rows);
    for (index_t first = 0; first < rows.rows; first += choice.cols)
      B::transpose_groups(turned.view(), S(1), chosen.view().row_block(first, choice.cols), choice.cols);
    own_columns(choice);
    B::keep_where(choice, turned.view());
  }

  /// The matrix as one row.
  static void choose_pairs(ids_out choice, in scores, index_t count, const in* valid) {
    const index_t entries = scores.size();
    matrix<B> flat(scores.rows, scores.cols), visible = ones<B>(scores.rows, scores.cols), best(1, entries);
    B::map(flat.view(), S(0), fn::same{}, scores);
    if (valid) B::map_with_col(visible.view(), S(0), times_step{}, visible.view(), *valid);
    id_matrix<B> first(1, std::min(count, entries));
    B::top_k_visible(first.view(), flat.reshaped(1, entries).view(), visible.reshaped(1, entries).view());
    B::one_hot(best.view(), first.view());
    own_columns(choice);
    B::keep_where(choice, best.reshaped(scores.rows, scores.cols).view());
  }

  static void empty_rows(ids_out choice, in valid) {
    matrix<B> marks = ones<B>(choice.rows, choice.cols);
    B::map_with_col(marks.view(), S(0), fn::times{}, marks.view(), valid);
    B::keep_where(choice, marks.view());
  }

 private:
  /// choice(t, e) = e: the order of equal scores.
  static void own_columns(ids_out choice) {
    const matrix<B> equal = zeros<B>(choice.rows, choice.cols);
    B::top_k_rows(choice, equal.view());
  }
};

}  // namespace gmoe::generic
