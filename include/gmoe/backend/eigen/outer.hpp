#pragma once
/// Products of two vectors in every row, and what undoes them: a row of m n numbers is an m x n matrix.

#include <algorithm>

#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/reduce.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct outer_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y(t, i n + j) = a(t, i) b(t, j) + beta y; a T x m, b T x n.
  static void outer_rows(out y, S beta, in a, in b) {
    parallel_ranges(y.rows, row_grain(y.cols), [&](index_t begin, index_t end) {
      for (index_t t = begin; t < end; ++t)
        for (index_t i = 0; i < a.cols; ++i) {
          S* const to = y.row(t) + i * b.cols;
          const pack<S> factor(a(t, i));
          for_packs<S>(b.cols, [&](index_t j, index_t part) {
            const pack<S> p = factor * load(b.row(t) + j, part);
            store(to + j, beta == S(0) ? p : p + load(to + j, part), part);
          });
        }
    });
  }

  /// y(t, i) = sum over j of x(t, i n + j) b(t, j) + beta y; x T x m n, b T x n.
  static void contract_rows(out y, S beta, in x, in b) {
    parallel_ranges(x.rows, row_grain(x.cols), [&](index_t begin, index_t end) {
      for (index_t t = begin; t < end; ++t)
        for (index_t i = 0; i < y.cols; ++i) {
          const S* const from = x.row(t) + i * b.cols;
          const S dot = sum_packs<S>(
              b.cols, [&](index_t j, index_t part) { return load(from + j, part) * load(b.row(t) + j, part); });
          y(t, i) = dot + (beta == S(0) ? S(0) : y(t, i));
        }
    });
  }

  /// y(t, j) = sum over i of x(t, i n + j) a(t, i) + beta y; x T x m n, a T x m.
  static void contract_rows_left(out y, S beta, in x, in a) {
    parallel_ranges(x.rows, row_grain(x.cols), [&](index_t begin, index_t end) {
      for (index_t t = begin; t < end; ++t)
        for_packs<S>(y.cols, [&](index_t j, index_t part) {
          pack<S> sum(S(0));
          for (index_t i = 0; i < a.cols; ++i) sum += pack<S>(a(t, i)) * load(x.row(t) + i * y.cols + j, part);
          store(y.row(t) + j, beta == S(0) ? sum : sum + load(y.row(t) + j, part), part);
        });
    });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
