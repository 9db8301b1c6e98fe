#pragma once
/// Moving rows and elements by id.

#include <algorithm>
#include <cstring>

#include "gmoe/backend/eigen/map.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct gather_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using ids = matrix_view<const id_type>;

  /// Row i of y = row id_i of x, zeros where that is `no_choice`, for the flat list `id`; + row (i mod period) of
  /// `more` if given.
  static void gather_rows(out y, in x, ids id, const in* more = nullptr, index_t offset = 0, index_t period = 1) {
    parallel_ranges(y.rows, row_grain(y.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        if (id.data[i] == no_choice)
          std::fill_n(y.row(i), y.cols, S(0));
        else
          std::memcpy(y.row(i), x.row(id.data[i]), static_cast<std::size_t>(y.cols) * sizeof(S));
        if (more) add_span(y.row(i), more->row(offset + i % period), y.cols);
      }
    });
  }

  /// Row id_i of y += row i of x, in the order of i (ids may repeat), nowhere where the id is `no_choice`. Columns are
  /// split over the threads.
  static void scatter_add_rows(out y, in x, ids id) {
    parallel_ranges(y.cols, std::max<index_t>(16, 65536 / std::max<index_t>(x.rows, 1)),
                    [&](index_t begin, index_t end) {
                      for (index_t i = 0; i < x.rows; ++i)
                        if (id.data[i] != no_choice) add_span(y.row(id.data[i]) + begin, x.row(i) + begin, end - begin);
                    });
  }

  /// Row r of y += sum of the rows r, r + period, r + 2 period, ... of x.
  static void add_rows_periodic(out y, in x, index_t period) {
    parallel_ranges(period, 1, [&](index_t begin, index_t end) {
      for (index_t r = begin; r < end; ++r)
        for (index_t i = r; i < x.rows; i += period) add_span(y.row(r), x.row(i), y.cols);
    });
  }

  /// y(i, j) = x(i, id(i, j)), 0 where the id is no column.
  static void gather_elements(out y, in x, ids id) {
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) y(i, j) = is_choice(id(i, j), x.cols) ? x(i, id(i, j)) : S(0);
  }

  /// x(i, id(i, j)) += y(i, j), where the id is a column.
  static void scatter_add_elements(out x, in y, ids id) {
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j)
        if (is_choice(id(i, j), x.cols)) x(i, id(i, j)) += y(i, j);
  }

  /// y_i = id number place_i of the flat list `of`, `no_choice` where the place is that.
  static void gather_ids(matrix_view<id_type> y, ids of, ids place) {
    for (index_t i = 0; i < y.size(); ++i) y.data[i] = place.data[i] == no_choice ? no_choice : of.data[place.data[i]];
  }

  /// y (T x N): 1 where expert e is among the ids of row i, else 0.
  static void one_hot(out y, ids id) {
    for (index_t i = 0; i < y.rows; ++i) {
      std::fill_n(y.row(i), y.cols, S(0));
      for (index_t j = 0; j < id.cols; ++j)
        if (is_choice(id(i, j), y.cols)) y(i, id(i, j)) = S(1);
    }
  }

 private:
  static void add_span(S* y, const S* x, index_t count) {
    for_packs<S>(count, [&](index_t j, index_t part) { store(y + j, load(y + j, part) + load(x + j, part), part); });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
