#pragma once
/// Element-wise kernels: any formula over matrices of one shape, and matrices with a row or column vector.

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct map_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y = f(x...) + beta y, element by element; all of y's shape. `beta` is 0 (y is never read) or 1.
  template <class F, class... In>
  static void map(out y, S beta, const F& f, In... x) {
    if ((y.contiguous() && ... && x.contiguous())) {  // one long row
      const index_t size = y.size();
      parallel_ranges(size, 16384, [&](index_t begin, index_t end) {
        map_span(y.data + begin, end - begin, beta, f, (x.data + begin)...);
      });
    } else {
      parallel_ranges(y.rows, row_grain(y.cols), [&](index_t begin, index_t end) {
        for (index_t i = begin; i < end; ++i) map_span(y.row(i), y.cols, beta, f, x.row(i)...);
      });
    }
  }

  /// y = f(x, v) + beta y with v (1 x cols) repeated over the rows.
  template <class F>
  static void map_with_row(out y, S beta, const F& f, in x, in v) {
    parallel_ranges(y.rows, row_grain(y.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) map_span(y.row(i), y.cols, beta, f, x.row(i), v.row(0));
    });
  }

  /// y = f(x, c) + beta y with c (rows x 1) repeated over the columns.
  template <class F>
  static void map_with_col(out y, S beta, const F& f, in x, in c) {
    parallel_ranges(y.rows, row_grain(y.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const pack<S> ci(c(i, 0));
        map_span(
            y.row(i), y.cols, beta, [&](const pack<S>& xi) { return f(xi, ci); }, x.row(i));
      }
    });
  }

 private:
  template <class F, class... From>
  static void map_span(S* y, index_t count, S beta, const F& f, const From*... x) {
    if (beta == S(0))
      for_packs<S>(count, [&](index_t j, index_t part) { store(y + j, f(load(x + j, part)...), part); });
    else
      for_packs<S>(count,
                   [&](index_t j, index_t part) { store(y + j, load(y + j, part) + f(load(x + j, part)...), part); });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
