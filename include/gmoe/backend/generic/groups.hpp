#pragma once
/// Products and sums over rows in groups (backend/groups.hpp): a call per group, and pairs by way of all slots.

#include "gmoe/backend/generic/parts.hpp"
#include "gmoe/backend/groups.hpp"

namespace gmoe::generic {

template <class B, class S>
struct group_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void grouped_gemm(op op_w, in x, const block_view<const S>& w, S beta, out y, const row_ranges& groups) {
    for (index_t g = 0; g < groups.groups; ++g) {
      const in from = rows_of(x, groups, g), block = w.block(g);
      const out to = rows_of(y, groups, g);
      if (op_w == op::none) {
        B::gemm(op::none, op::none, S(1), from.col_block(0, block.rows), block, beta, to);
      } else {
        B::gemm(op::none, op::transpose, S(1), from, block, beta, to.col_block(0, block.rows));
        if (beta == S(0)) B::fill(to.col_block(block.rows, to.cols - block.rows), S(0));
      }
    }
  }

  static void grouped_weight_gradient(in a, in b, S beta, const block_view<S>& dw, const row_ranges& groups) {
    for (index_t g = 0; g < groups.groups; ++g)
      B::gemm(op::transpose, op::none, S(1), rows_of(a, groups, g).col_block(0, dw.height(g)), rows_of(b, groups, g),
              beta, dw.block(g));
  }

  static void batched_gemm(op op_a, op op_b, in a, in b, S beta, out c, index_t count) {
    for (index_t i = 0; i < count; ++i)
      B::gemm(op_a, op_b, S(1), part(a, i, count), part(b, i, count), beta, part(c, i, count));
  }

  /// The token's row for every slot, of which those with a place go to it.
  static void gather_pairs(out y, S beta, in x, const pair_rows<S>& pairs) {
    matrix<B> of_slots(x.rows * pairs.slots, x.cols);
    for (index_t j = 0; j < pairs.slots; ++j) {
      const out to = slot_of(of_slots.view(), j, pairs.slots);
      if (pairs.weights)
        B::map_with_col(to, S(0), fn::times{}, x, weights_of(pairs, x.rows).col_block(j, 1));
      else
        B::map(to, S(0), fn::same{}, x);
    }
    if (beta == S(0)) B::fill(y, S(0));
    B::scatter_add_rows(y, of_slots.view(), places(pairs, x.rows));
  }

  static void combine_pairs(out y, S beta, in x, const pair_rows<S>& pairs) {
    const matrix<B> of_slots = rows_of_slots(x, pairs, y.rows);
    for (index_t j = 0; j < pairs.slots; ++j) {
      const in from = slot_of(of_slots.view(), j, pairs.slots);
      if (pairs.weights)
        B::map_with_col(y, j == 0 ? beta : S(1), fn::times{}, from, weights_of(pairs, y.rows).col_block(j, 1));
      else
        B::map(y, j == 0 ? beta : S(1), fn::same{}, from);
    }
  }

  static void pair_dots(out y, S beta, in dy, in x, const pair_rows<S>& pairs) {
    const matrix<B> of_slots = rows_of_slots(x, pairs, dy.rows);
    for (index_t j = 0; j < pairs.slots; ++j)
      B::row_dots(y.col_block(j, 1), beta, dy, slot_of(of_slots.view(), j, pairs.slots));
  }

  /// Waits for the offsets.
  static void segment_sums(out y, S beta, S scale, in x, ids offsets) {
    const auto on_host = B::read_ids(offsets);
    const row_ranges groups{ids_on_host(on_host), y.rows};
    for (index_t g = 0; g < y.rows; ++g) B::col_sums(y.row_block(g, 1), beta, scale, rows_of(x, groups, g));
  }

  /// A product with a column of ones. Waits for the offsets.
  static void expand_segments(out y, S beta, S scale, in x, ids offsets) {
    const auto on_host = B::read_ids(offsets);
    const row_ranges groups{ids_on_host(on_host), x.rows};
    const matrix<B> one = ones<B>(y.rows, 1);
    for (index_t g = 0; g < x.rows; ++g)
      B::gemm(op::none, op::none, scale, rows_of(one.view(), groups, g), x.row_block(g, 1), beta,
              rows_of(y, groups, g));
  }

 private:
  template <class View>
  static View rows_of(View x, const row_ranges& groups, index_t g) {
    return x.row_block(groups.begin(g), groups.rows(g));
  }
  template <class View>
  static View part(View x, index_t i, index_t count) {
    return x.row_block(i * (x.rows / count), x.rows / count);
  }
  /// Slot j of all tokens, of a matrix with a row per slot.
  template <class View>
  static View slot_of(View x, index_t j, index_t slots) {
    return {x.row(j), x.rows / slots, x.cols, slots * x.stride};
  }
  /// Row t K + j = the row of x that pair (t, j) has, or zeros.
  static matrix<B, S> rows_of_slots(in x, const pair_rows<S>& pairs, index_t tokens) {
    matrix<B> of_slots(tokens * pairs.slots, x.cols);
    B::gather_rows(of_slots.view(), x, places(pairs, tokens), nullptr, 0, 1);
    return of_slots;
  }
  static ids places(const pair_rows<S>& pairs, index_t tokens) {
    return {pairs.position, 1, tokens * pairs.slots, tokens * pairs.slots};
  }
  static in weights_of(const pair_rows<S>& pairs, index_t tokens) {
    return {pairs.weights, tokens, pairs.slots, pairs.slots};
  }
};

}  // namespace gmoe::generic
