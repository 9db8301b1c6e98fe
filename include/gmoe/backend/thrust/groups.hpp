#pragma once
/// Products and sums over rows in groups (backend/groups.hpp), and products of equal blocks.

#include <algorithm>
#include <span>
#include <vector>

#include "gmoe/backend/groups.hpp"
#include "gmoe/backend/thrust/gemm.hpp"
#include "gmoe/backend/thrust/memory.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/workspace.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// y_i = w_p x_t + beta y_i for pair p of token t.
template <class S>
struct gather_pair_row {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> x;
  pair_rows<S> pairs;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const index_t pair = pairs.order[i];
    const S w = pairs.weights ? pairs.weights[pair] : S(1);
    const S* const from = x.row(pair / pairs.slots);
    for (index_t j = team.first(); j < y.cols; j += team.step()) put(y(i, j), beta, w * from[j]);
  }
};

/// y_t = sum over t's pairs of w_p times their row + beta y_t.
template <class S>
struct combine_pair_row {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> x;
  pair_rows<S> pairs;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t t) const {
    for (index_t j = team.first(); j < y.cols; j += team.step()) {
      S total = 0;
      for (index_t pair = t * pairs.slots; pair < (t + 1) * pairs.slots; ++pair)
        if (pairs.position[pair] != no_choice)
          total += (pairs.weights ? pairs.weights[pair] : S(1)) * x(pairs.position[pair], j);
      put(y(t, j), beta, total);
    }
  }
};

/// y_p = <dy_t, the row of pair p> + beta y_p.
template <class S>
struct pair_dot {
  matrix_view<S> y;
  S beta;
  matrix_view<const S> dy, x;
  const id_type* position_of;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t pair) const {
    const position at(pair, y.cols);
    const id_type row = position_of[pair];
    S part = 0;
    if (row != no_choice)
      for (index_t j = team.first(); j < x.cols; j += team.step()) part += dy(at.row, j) * x(row, j);
    const S dot = team.sum(part);
    if (team.leads()) put(y(at.row, at.col), beta, dot);
  }
};

/// The group of row i.
GMOE_HD inline index_t group_of(const id_type* offsets, index_t groups, index_t i) {
  index_t low = 0, high = groups - 1;
  while (low < high) {
    const index_t middle = (low + high) / 2;
    if (offsets[middle + 1] > i)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// Sums of groups in two rounds, so that a long one keeps many workers busy. Rows are cut into pieces at multiples of
/// `piece` and where a group begins. First a sum for every piece: those that begin with a group come after the others.
template <class S>
struct segment_piece {
  matrix_view<const S> x;
  const id_type* offsets;
  index_t groups, pieces, piece;
  S* sums;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, x.cols);
    const bool leads = at.row >= pieces;
    const index_t g = leads ? at.row - pieces : group_of(offsets, groups, at.row * piece);
    const index_t begin = leads ? offsets[g] : at.row * piece, cut = (begin / piece + 1) * piece;
    const index_t end = offsets[g + 1] < cut ? offsets[g + 1] : cut;
    S total = 0;
    for (index_t i = begin; i < end; ++i) total += x(i, at.col);
    sums[n] = total;
  }
};

/// Then over the pieces of each group.
template <class S>
struct add_segment_pieces {
  matrix_view<S> y;
  S beta, scale;
  const id_type* offsets;
  const S* sums;
  index_t pieces, piece;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, y.cols);
    const index_t begin = offsets[at.row], end = offsets[at.row + 1];
    S total = sums[(pieces + at.row) * y.cols + at.col];
    for (index_t p = begin / piece + 1; p * piece < end; ++p) total += sums[p * y.cols + at.col];
    put(y(at.row, at.col), beta, scale * total);
  }
};

/// y_i = scale times the row of i's group + beta y_i.
template <class S>
struct expand_row {
  matrix_view<S> y;
  S beta, scale;
  matrix_view<const S> x;
  const id_type* offsets;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S* const from = x.row(group_of(offsets, x.rows, i));
    for (index_t j = team.first(); j < y.cols; j += team.step()) put(y(i, j), beta, scale * from[j]);
  }
};

template <class S>
struct group_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using ids = matrix_view<const id_type>;

  /// y_g = x_g op(W_g) + beta y_g. Transposed, as many columns of y as W_g has rows, and zeros (+ beta y) in the
  /// others; else as many columns of x, the others are not read. `beta` is 0 or 1.
  static void grouped_gemm(op op_w, in x, const block_view<const S>& w, S beta, out y, const row_ranges& groups) {
    std::vector<product<S>>& list = recycled();
    bool gaps = false;
    for (index_t g = 0; g < groups.groups; ++g) {
      const index_t begin = groups.begin(g), rows = groups.rows(g);
      if (rows == 0) continue;
      const in block = w.block(g), from = x.row_block(begin, rows);
      const out to = y.row_block(begin, rows);
      gaps = gaps || block.rows == 0 || (op_w == op::transpose && block.rows < to.cols);
      if (block.rows == 0) continue;
      if (op_w == op::none)
        list.push_back({from.col_block(0, block.rows), block, to});
      else
        list.push_back({from, block, to.col_block(0, block.rows)});
    }
    if (beta == S(0) && gaps) memory_kernels<S>::fill(y, S(0));
    run(op::none, op_w, list, beta);
  }

  /// dW_g = a_g' b_g + beta dW_g, from as many columns of a as dW_g has rows. `beta` is 0 (zeros for a group without
  /// rows) or 1. Blocks of no group stay as they are.
  static void grouped_weight_gradient(in a, in b, S beta, const block_view<S>& dw, const row_ranges& groups) {
    std::vector<product<S>>& list = recycled();
    for (index_t g = 0; g < groups.groups; ++g) {
      const index_t begin = groups.begin(g), rows = groups.rows(g), height = dw.height(g);
      if (height == 0) continue;
      if (rows > 0)
        list.push_back({a.row_block(begin, rows).col_block(0, height), b.row_block(begin, rows), dw.block(g)});
      else if (beta == S(0))
        memory_kernels<S>::fill(dw.block(g), S(0));
    }
    run(op::transpose, op::none, list, beta);
  }

  /// C_b = op(A_b) op(B_b) + beta C_b for `count` blocks of equal heights, which lie one below the other.
  static void batched_gemm(op op_a, op op_b, in a, in b, S beta, out c, index_t count) {
    if (c.size() == 0) return;
    const index_t of_a = a.rows / count, of_b = b.rows / count, of_c = c.rows / count;
    const index_t depth = op_a == op::none ? a.cols : of_a;
    if (depth == 0) {
      if (beta == S(0)) memory_kernels<S>::fill(c, S(0));
      return;
    }
    gemm_kernels<S>::batch(op_a, op_b, S(1), family<const S>{a.data, a.stride, 1, of_a * a.stride},
                           family<const S>{b.data, b.stride, 1, of_b * b.stride}, beta,
                           family<S>{c.data, c.stride, 1, of_c * c.stride}, of_c, c.cols, depth, count);
  }

  /// Row i of y = w_p times row t of x, + beta y, where i stands for pair p of token t.
  static void gather_pairs(out y, S beta, in x, const pair_rows<S>& pairs) {
    for_each_row(y.rows, y.cols, gather_pair_row<S>{y, beta, x, pairs});
  }

  /// Row t of y = sum over t's pairs of w_p times their row of x, + beta y.
  static void combine_pairs(out y, S beta, in x, const pair_rows<S>& pairs) {
    for_each_row(y.rows, y.cols, combine_pair_row<S>{y, beta, x, pairs});
  }

  /// y (T x K) = <row t of dy, the pair's row of x> + beta y; 0 + beta y for a pair without a row.
  static void pair_dots(out y, S beta, in dy, in x, const pair_rows<S>& pairs) {
    for_each_row(y.size(), x.cols, pair_dot<S>{y, beta, dy, x, pairs.position});
  }

  /// Row g of y = scale times the sum of group g's rows of x, + beta y. Rows are added in a fixed order.
  static void segment_sums(out y, S beta, S scale, in x, ids offsets) {
    constexpr index_t piece = 64;
    const index_t pieces = (x.rows + piece - 1) / piece;
    const scratch<S> sums((pieces + y.rows) * y.cols);
    for_each_index((pieces + y.rows) * y.cols, segment_piece<S>{x, offsets.data, y.rows, pieces, piece, sums});
    for_each_index(y.size(), add_segment_pieces<S>{y, beta, scale, offsets.data, sums, pieces, piece});
  }

  /// Every row of group g of y = scale times row g of x, + beta y.
  static void expand_segments(out y, S beta, S scale, in x, ids offsets) {
    for_each_row(y.rows, y.cols, expand_row<S>{y, beta, scale, x, offsets.data});
  }

 private:
  static std::vector<product<S>>& recycled() {
    thread_local std::vector<product<S>> list;
    list.clear();
    return list;
  }
  static void run(op op_a, op op_b, const std::vector<product<S>>& list, S beta) {
    if (list.size() == 1) return gemm_kernels<S>::gemm(op_a, op_b, S(1), list[0].a, list[0].b, beta, list[0].c);
    gemm_kernels<S>::grouped(op_a, op_b, S(1), std::span<const product<S>>(list), beta);
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
