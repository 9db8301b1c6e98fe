#pragma once
/// Element-wise kernels: any formula over matrices of one shape, and matrices with a row or column vector.

#include <utility>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// y = f(x...) + beta y over N matrices that lie without gaps.
template <class S, class F, std::size_t... N>
struct map_flat {
  S* y;
  S beta;
  F f;
  const S* x[sizeof...(N)];
  GMOE_HD void operator()(index_t i) const { put(y[i], beta, S(f(x[N][i]...))); }
};

/// The same where rows are apart, or repeated (a row step of 0), or columns are (a column step of 0).
template <class S, class F, std::size_t... N>
struct map_strided {
  matrix_view<S> y;
  S beta;
  F f;
  const S* x[sizeof...(N)];
  index_t row_step[sizeof...(N)], col_step[sizeof...(N)];
  GMOE_HD void operator()(index_t i) const {
    const position at(i, y.cols);
    put(y(at.row, at.col), beta, S(f(x[N][at.row * row_step[N] + at.col * col_step[N]]...)));
  }
};

template <class S>
struct map_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y = f(x...) + beta y, element by element; all of y's shape. `f` is a function object that the device can run:
  /// see core/functions.hpp.
  template <class F, class... In>
  static void map(out y, S beta, const F& f, In... x) {
    run(std::make_index_sequence<sizeof...(In)>{}, y, beta, f, in(x)...);
  }

  /// y = f(x, v) + beta y with v (1 x cols) repeated over the rows.
  template <class F>
  static void map_with_row(out y, S beta, const F& f, in x, in v) {
    for_each_index(y.size(), map_strided<S, F, 0, 1>{y, beta, f, {x.data, v.data}, {x.stride, 0}, {1, 1}});
  }

  /// y = f(x, c) + beta y with c (rows x 1) repeated over the columns.
  template <class F>
  static void map_with_col(out y, S beta, const F& f, in x, in c) {
    for_each_index(y.size(), map_strided<S, F, 0, 1>{y, beta, f, {x.data, c.data}, {x.stride, c.stride}, {1, 0}});
  }

 private:
  template <std::size_t... N, class F, class... In>
  static void run(std::index_sequence<N...>, out y, S beta, const F& f, In... x) {
    if ((y.contiguous() && ... && x.contiguous()))
      for_each_index(y.size(), map_flat<S, F, N...>{y.data, beta, f, {x.data...}});
    else
      for_each_index(y.size(),
                     map_strided<S, F, N...>{y, beta, f, {x.data...}, {x.stride...}, {((void)N, index_t{1})...}});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
