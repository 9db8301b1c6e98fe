#pragma once
/// Products and sums over rows in groups (backend/groups.hpp), and products of equal blocks.
///
/// Cores work on different groups, each with products on one thread, as in experts.hpp; a group with more than its
/// share of the work is cut.

#include <algorithm>
#include <cstring>

#include "gmoe/backend/eigen/gemm.hpp"
#include "gmoe/backend/eigen/map.hpp"
#include "gmoe/backend/groups.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// Rows, or other numbers from `begin` to `end`, of one group.
struct group_task {
  index_t group, begin, end, cost;
};

/// Runs f(group, begin, end) for all tasks, the dearest first.
template <class F>
void run_group_tasks(const scratch_lease<group_task>& tasks, index_t count, const F& f) {
  std::sort(tasks.data(), tasks.data() + count, [](const group_task& a, const group_task& b) {
    return a.cost != b.cost ? a.cost > b.cost : a.group != b.group ? a.group < b.group : a.begin < b.begin;
  });
  parallel_tasks(count, [&](index_t i) { f(tasks[i].group, tasks[i].begin, tasks[i].end); });
}

/// Runs f(group, first row, one past the last) for all rows; a group with more than a thread's share is cut.
template <class F>
void for_row_pieces(const row_ranges& groups, const F& f) {
  const index_t cores = threads(), total = groups.total();
  const index_t share = std::max<index_t>((total + cores - 1) / cores, 16);
  const auto tasks = scratch<group_task>(groups.groups + cores);
  index_t count = 0;
  for (index_t g = 0; g < groups.groups; ++g) {
    const index_t begin = groups.begin(g), rows = groups.rows(g), pieces = (rows + share - 1) / share;
    for (index_t p = 0; p < pieces; ++p) {
      const index_t from = begin + rows * p / pieces, to = begin + rows * (p + 1) / pieces;
      tasks[count++] = {g, from, to, to - from};
    }
  }
  run_group_tasks(tasks, count, f);
}

template <class S, class Products = full_precision>
struct group_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using ids = matrix_view<const id_type>;

  /// y_g = x_g op(W_g) + beta y_g. Transposed, as many columns of y as W_g has rows, and zeros (+ beta y) in the
  /// others; else as many columns of x, the others are not read. `beta` is 0 or 1.
  static void grouped_gemm(op op_w, in x, const block_view<const S>& w, S beta, out y, const row_ranges& groups) {
    for_row_pieces(groups, [&](index_t g, index_t begin, index_t end) {
      const in block = w.block(g), from = x.row_block(begin, end - begin);
      const out to = y.row_block(begin, end - begin);
      if (op_w == op::none) return multiply(op::none, op_w, from.col_block(0, block.rows), block, beta, to);
      multiply(op::none, op_w, from, block, beta, to.col_block(0, block.rows));
      if (beta == S(0))
        for (index_t i = 0; i < to.rows; ++i) std::fill_n(to.row(i) + block.rows, to.cols - block.rows, S(0));
    });
  }

  /// dW_g = a_g' b_g + beta dW_g, from as many columns of a as dW_g has rows. `beta` is 0 (zeros for a group without
  /// rows) or 1. Blocks of no group stay as they are.
  static void grouped_weight_gradient(in a, in b, S beta, const block_view<S>& dw, const row_ranges& groups) {
    const index_t cores = threads();
    const index_t share = std::max<index_t>((groups.total() + cores - 1) / cores, 16);
    const auto tasks = scratch<group_task>(groups.groups + cores);
    index_t count = 0;
    for (index_t g = 0; g < groups.groups; ++g) {
      const index_t rows = groups.rows(g), height = dw.height(g);
      const index_t pieces = std::min(std::max<index_t>((rows + share - 1) / share, beta == S(0)), height);
      for (index_t p = 0; p < pieces; ++p) {
        const index_t from = height * p / pieces, to = height * (p + 1) / pieces;
        tasks[count++] = {g, from, to, rows * (to - from)};
      }
    }
    run_group_tasks(tasks, count, [&](index_t g, index_t begin, index_t end) {
      const index_t first = groups.begin(g), rows = groups.rows(g);
      multiply(op::transpose, op::none, a.row_block(first, rows).col_block(begin, end - begin),
               b.row_block(first, rows), beta, dw.block(g).row_block(begin, end - begin));
    });
  }

  /// C_b = op(A_b) op(B_b) + beta C_b for `count` blocks of equal heights, which lie one below the other.
  static void batched_gemm(op op_a, op op_b, in a, in b, S beta, out c, index_t count) {
    if (count == 0) return;
    const index_t cores = threads(), of_a = a.rows / count, of_b = b.rows / count, of_c = c.rows / count;
    const index_t cuts = count >= 4 * cores ? 1 : std::clamp<index_t>(of_c / 16, 1, cores);
    parallel_tasks(count * cuts, [&](index_t task) {
      const index_t block = task / cuts, piece = task % cuts;
      const index_t begin = of_c * piece / cuts, rows = of_c * (piece + 1) / cuts - begin;
      const in left = a.row_block(block * of_a, of_a);
      multiply(op_a, op_b, op_a == op::none ? left.row_block(begin, rows) : left.col_block(begin, rows),
               b.row_block(block * of_b, of_b), beta, c.row_block(block * of_c + begin, rows));
    });
  }

  /// Row i of y = w_p times row t of x, + beta y, where i stands for pair p of token t.
  static void gather_pairs(out y, S beta, in x, const pair_rows<S>& pairs) {
    parallel_ranges(y.rows, row_grain(y.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const index_t pair = pairs.order[i];
        const S* const from = x.row(pair / pairs.slots);
        if (beta == S(0)) std::fill_n(y.row(i), y.cols, S(0));
        add_scaled(y.row(i), pairs.weights ? pairs.weights[pair] : S(1), from, y.cols);
      }
    });
  }

  /// Row t of y = sum over t's pairs of w_p times their row of x, + beta y.
  static void combine_pairs(out y, S beta, in x, const pair_rows<S>& pairs) {
    parallel_ranges(y.rows, row_grain(y.cols * pairs.slots), [&](index_t begin, index_t end) {
      for (index_t t = begin; t < end; ++t) {
        if (beta == S(0)) std::fill_n(y.row(t), y.cols, S(0));
        for (index_t pair = t * pairs.slots; pair < (t + 1) * pairs.slots; ++pair)
          if (pairs.position[pair] != no_choice)
            add_scaled(y.row(t), pairs.weights ? pairs.weights[pair] : S(1), x.row(pairs.position[pair]), y.cols);
      }
    });
  }

  /// y (T x K) = <row t of dy, the pair's row of x> + beta y; 0 + beta y for a pair without a row.
  static void pair_dots(out y, S beta, in dy, in x, const pair_rows<S>& pairs) {
    parallel_ranges(y.rows, row_grain(x.cols * y.cols), [&](index_t begin, index_t end) {
      for (index_t t = begin; t < end; ++t)
        for (index_t j = 0; j < y.cols; ++j) {
          const id_type row = pairs.position[t * pairs.slots + j];
          const S dot = row == no_choice ? S(0) : product_sum(dy.row(t), x.row(row), x.cols);
          y(t, j) = beta == S(0) ? dot : dot + beta * y(t, j);
        }
    });
  }

  /// Row g of y = scale times the sum of group g's rows of x, + beta y. Rows are added in their order.
  static void segment_sums(out y, S beta, S scale, in x, ids offsets) {
    const auto sums = [&](index_t g, index_t first, index_t cols) {
      S* const to = y.row(g) + first;
      const auto total = scratch<S>(cols);
      std::fill_n(total.data(), cols, S(0));
      for (index_t i = offsets.data[g]; i < offsets.data[g + 1]; ++i)
        add_scaled(total.data(), S(1), x.row(i) + first, cols);
      for (index_t j = 0; j < cols; ++j) to[j] = beta == S(0) ? scale * total[j] : scale * total[j] + beta * to[j];
    };
    if (y.rows >= 4 * threads()) return parallel_tasks(y.rows, [&](index_t g) { sums(g, 0, y.cols); });
    parallel_ranges(y.cols, std::max<index_t>(16, 65536 / std::max<index_t>(x.rows, 1)),
                    [&](index_t begin, index_t end) {
                      for (index_t g = 0; g < y.rows; ++g) sums(g, begin, end - begin);
                    });
  }

  /// Every row of group g of y = scale times row g of x, + beta y.
  static void expand_segments(out y, S beta, S scale, in x, ids offsets) {
    parallel_ranges(y.rows, row_grain(y.cols), [&](index_t begin, index_t end) {
      const id_type* const ends = offsets.data + 1;
      index_t g = std::upper_bound(ends, ends + x.rows, static_cast<id_type>(begin)) - ends;
      for (index_t i = begin; i < end; ++i) {
        while (ends[g] <= i) ++g;
        if (beta == S(0)) std::fill_n(y.row(i), y.cols, S(0));
        add_scaled(y.row(i), scale, x.row(g), y.cols);
      }
    });
  }

 private:
  static void multiply(op op_a, op op_b, in a, in b, S beta, out c) {
    gemm_kernels<S, Products>::piece(op_a, op_b, S(1), a, b, beta, c);
  }
  static void add_scaled(S* y, S factor, const S* x, index_t count) {
    const pack<S> f(factor);
    for_packs<S>(count,
                 [&](index_t j, index_t part) { store(y + j, load(y + j, part) + f * load(x + j, part), part); });
  }
  static S product_sum(const S* a, const S* b, index_t count) {
    pack<S> sum(S(0));
    for_packs<S>(count, [&](index_t j, index_t part) { sum += load(a + j, part) * load(b + j, part); });
    return sum.sum();
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
