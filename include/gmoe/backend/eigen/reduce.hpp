#pragma once
/// Sums: over each row, over each column, over everything. Accumulated in a fixed order.

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// Sum over one row of f(j, part), a pack each.
template <class S, class F>
inline S sum_packs(index_t count, const F& f) {
  pack<S> total(S(0));
  for_packs<S>(count, [&](index_t j, index_t part) { total += f(j, part); });
  return total.sum();
}

template <class S>
struct reduce_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y (rows x 1) = row sums of a * b (element-wise) + beta y.
  static void row_dots(out y, S beta, in a, in b) {
    parallel_ranges(a.rows, row_grain(a.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S dot = sum_packs<S>(
            a.cols, [&](index_t j, index_t part) { return load(a.row(i) + j, part) * load(b.row(i) + j, part); });
        y(i, 0) = dot + (beta == S(0) ? S(0) : y(i, 0));
      }
    });
  }

  /// y (rows x 1) = scale * row sums of x + beta y.
  static void row_sums(out y, S beta, S scale, in x) {
    parallel_ranges(x.rows, row_grain(x.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S sum = sum_packs<S>(x.cols, [&](index_t j, index_t part) { return load(x.row(i) + j, part); });
        y(i, 0) = scale * sum + (beta == S(0) ? S(0) : y(i, 0));
      }
    });
  }

  /// y (1 x cols) = scale * column sums of x + beta y.
  static void col_sums(out y, S beta, S scale, in x) {
    parallel_ranges(x.cols, std::max<index_t>(pack<S>::width, 16384 / std::max<index_t>(x.rows, 1)),
                    [&](index_t begin, index_t end) {
                      const index_t count = end - begin;
                      const auto total = scratch<S>(count);
                      std::fill_n(total.data(), count, S(0));
                      for (index_t i = 0; i < x.rows; ++i) {
                        const S* row = x.row(i) + begin;
                        for_packs<S>(count, [&](index_t j, index_t part) {
                          store(total + j, load(total + j, part) + load(row + j, part), part);
                        });
                      }
                      for (index_t j = 0; j < count; ++j)
                        y(0, begin + j) = scale * total[j] + (beta == S(0) ? S(0) : y(0, begin + j));
                    });
  }

  /// y (1 x 1) = scale * sum of all of x + beta y. Summed in double.
  static void sum(out y, S beta, S scale, in x) {
    double total = 0;
    for (index_t i = 0; i < x.rows; ++i)
      total +=
          static_cast<double>(sum_packs<S>(x.cols, [&](index_t j, index_t part) { return load(x.row(i) + j, part); }));
    y(0, 0) = static_cast<S>(static_cast<double>(scale) * total) + (beta == S(0) ? S(0) : y(0, 0));
  }

  /// Sum of squares of all elements, in double, returned to the host. Cut in fixed pieces: the same result for any
  /// number of threads.
  static double sum_of_squares(in x) {
    if (!x.contiguous()) {
      double total = 0;
      for (index_t i = 0; i < x.rows; ++i) total += sum_of_squares(x.row_block(i, 1));
      return total;
    }
    constexpr index_t piece = 1 << 15;
    const index_t size = x.size(), pieces = (size + piece - 1) / piece;
    const auto partial = scratch<double>(pieces);
    parallel_ranges(pieces, 1, [&](index_t begin, index_t end) {
      for (index_t p = begin; p < end; ++p) {
        const S* from = x.data + p * piece;
        double total = 0;  // short inner runs keep float partial sums accurate
        const index_t count = std::min(piece, size - p * piece);
        for (index_t run = 0; run < count; run += 512)
          total += static_cast<double>(sum_packs<S>(std::min<index_t>(512, count - run), [&](index_t j, index_t part) {
            const pack<S> v = load(from + run + j, part);
            return v * v;
          }));
        partial[p] = total;
      }
    });
    double total = 0;
    for (index_t p = 0; p < pieces; ++p) total += partial[p];
    return total;
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
