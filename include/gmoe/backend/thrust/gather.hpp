#pragma once
/// Moving rows and elements by id.

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/backend/thrust/sort.hpp"
#include "gmoe/backend/thrust/workspace.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// y_i = x_(id_i), zeros where the id is `no_choice`, + more_(offset + i mod period), the latter if given.
template <class S>
struct gather_row {
  matrix_view<S> y;
  matrix_view<const S> x;
  const id_type* id;
  matrix_view<const S> more;
  index_t offset, period;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const S* const from = id[i] == no_choice ? nullptr : x.row(id[i]);
    const S* const plus = more.data ? more.row(offset + i % period) : nullptr;
    for (index_t j = team.first(); j < y.cols; j += team.step()) {
      const S value = from ? from[j] : S(0);
      y(i, j) = plus ? value + plus[j] : value;
    }
  }
};

/// The key of `no_choice` among ids to be sorted: behind all others. On the host, some versions of Thrust sort negative
/// keys wrongly.
inline constexpr id_type behind_all_ids = 0x7fffffff;

/// The numbers 0, 1, 2, ... beside a copy of the ids, ready to be sorted.
struct number_ids {
  const id_type* id;
  id_type *key, *number;
  GMOE_HD void operator()(index_t i) const {
    key[i] = id[i] == no_choice ? behind_all_ids : id[i];
    number[i] = static_cast<id_type>(i);
  }
};

/// Rows of equal ids lie in runs after sorting. A long run (a frequent token) is summed in pieces: this adds up the
/// rows from place i to the end of its run or piece, if one begins there.
template <class S>
struct sum_run_piece {
  S* sums;  ///< places x cols
  matrix_view<const S> x;
  const id_type *key, *number;
  index_t piece;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    if (i % piece != 0 && key[i] == key[i - 1]) return;
    index_t end = i + 1;
    while (end < x.rows && end % piece != 0 && key[end] == key[i]) ++end;
    for (index_t j = team.first(); j < x.cols; j += team.step()) {
      S total = 0;
      for (index_t p = i; p < end; ++p) total += x(number[p], j);
      sums[i * x.cols + j] = total;
    }
  }
};

/// Adds the pieces of the run that begins at place i, if one does, to its row of y. That of `no_choice` has none.
template <class S>
struct add_run {
  matrix_view<S> y;
  const S* sums;
  const id_type* key;
  index_t count, piece;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    if (key[i] == behind_all_ids || (i > 0 && key[i] == key[i - 1])) return;
    for (index_t j = team.first(); j < y.cols; j += team.step()) {
      S total = sums[i * y.cols + j];
      for (index_t p = (i / piece + 1) * piece; p < count && key[p] == key[i]; p += piece)
        total += sums[p * y.cols + j];
      y(key[i], j) += total;
    }
  }
};

template <class S>
struct add_periodic_element {
  matrix_view<S> y;
  matrix_view<const S> x;
  index_t period;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, y.cols);
    S total = 0;
    for (index_t i = at.row; i < x.rows; i += period) total += x(i, at.col);
    y(at.row, at.col) += total;
  }
};

template <class S>
struct gather_element {
  matrix_view<S> y;
  matrix_view<const S> x;
  matrix_view<const id_type> id;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, y.cols);
    const id_type e = id(at.row, at.col);
    y(at.row, at.col) = is_choice(e, x.cols) ? x(at.row, e) : S(0);
  }
};

struct gather_id {
  id_type* y;
  const id_type *of, *place;
  GMOE_HD void operator()(index_t i) const { y[i] = place[i] == no_choice ? no_choice : of[place[i]]; }
};

template <class S>
struct scatter_elements_of_row {
  matrix_view<S> x;
  matrix_view<const S> y;
  matrix_view<const id_type> id;
  GMOE_HD void operator()(index_t i) const {
    for (index_t j = 0; j < y.cols; ++j)
      if (is_choice(id(i, j), x.cols)) x(i, id(i, j)) += y(i, j);
  }
};

template <class S>
struct one_hot_element {
  matrix_view<S> y;
  matrix_view<const id_type> id;
  GMOE_HD void operator()(index_t n) const {
    const position at(n, y.cols);
    S found = 0;
    for (index_t j = 0; j < id.cols; ++j)
      if (id(at.row, j) == at.col) found = 1;
    y(at.row, at.col) = found;
  }
};

template <class S>
struct gather_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using ids = matrix_view<const id_type>;

  /// Row i of y = row id_i of x, zeros where that is `no_choice`, for the flat list `id`; + row offset + (i mod period)
  /// of `more` if given.
  static void gather_rows(out y, in x, ids id, const in* more = nullptr, index_t offset = 0, index_t period = 1) {
    for_each_row(y.rows, y.cols, gather_row<S>{y, x, id.data, more ? *more : in{}, offset, period});
  }

  /// Row id_i of y += row i of x; ids may repeat, and `no_choice` is nowhere. Sorted by id first, so that every row of
  /// y has one writer.
  static void scatter_add_rows(out y, in x, ids id) {
    constexpr index_t piece = 64;
    if (x.size() == 0) return;
    const scratch<id_type> key(x.rows), number(x.rows);
    const scratch<S> sums(x.size());
    for_each_index(x.rows, number_ids{id.data, key, number});
    stable_sort(key, number, x.rows);
    for_each_row(x.rows, x.cols, sum_run_piece<S>{sums, x, key, number, piece});
    for_each_row(x.rows, x.cols, add_run<S>{y, sums, key, x.rows, piece});
  }

  /// Row r of y += sum of the rows r, r + period, r + 2 period, ... of x.
  static void add_rows_periodic(out y, in x, index_t period) {
    for_each_index(period * y.cols, add_periodic_element<S>{y, x, period});
  }

  /// y(i, j) = x(i, id(i, j)), 0 where the id is no column.
  static void gather_elements(out y, in x, ids id) { for_each_index(y.size(), gather_element<S>{y, x, id}); }

  /// x(i, id(i, j)) += y(i, j), where the id is a column.
  static void scatter_add_elements(out x, in y, ids id) {
    for_each_index(y.rows, scatter_elements_of_row<S>{x, y, id});
  }

  /// y_i = id number place_i of the flat list `of`, `no_choice` where the place is that.
  static void gather_ids(matrix_view<id_type> y, ids of, ids place) {
    for_each_index(y.size(), gather_id{y.data, of.data, place.data});
  }

  /// y (T x N): 1 where expert e is among the ids of row i, else 0.
  static void one_hot(out y, ids id) { for_each_index(y.size(), one_hot_element<S>{y, id}); }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
