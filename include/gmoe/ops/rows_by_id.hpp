#pragma once
/// Some rows of a matrix, chosen by id, and back to their places: a layer that only some of the tokens visit.
///
/// Ids are row numbers in an id_matrix of any shape, read as one list, and `no_choice`, which stands for no row: such a
/// row is read as zeros and written nowhere. Others must be checked before. What adds may meet an id more than once.

#include <utility>

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// Row i of y = row ids_i of x, zeros where the id is `no_choice`.
///     dx_(ids_i) += dy_i
template <class B>
variable<B> take_rows(const variable<B>& x, const id_matrix<B>& ids) {
  matrix<B> y(ids.size(), x.cols());
  B::gather_rows(y.view(), x.value().view(), ids.view(), nullptr, 0, 1);
  return make_result(
      std::move(y),
      [x = x.without_value(), ids](const variable<B>& y) {
        B::scatter_add_rows(x.zeroed_sink().view(), std::as_const(y.gradient()).view(), ids.view());
      },
      x);
}

/// The same of a list of ids, such as the token ids of some rows: 1 x as many as `places`.
template <class B>
id_matrix<B> take_ids(const id_matrix<B>& of, const id_matrix<B>& places) {
  id_matrix<B> y(1, places.size());
  B::gather_ids(y.view(), of.view(), places.view());
  return y;
}

/// y + the rows of `part` at the places `ids`: row ids_i of the result has row i of `part` added.
///     dy unchanged      dpart_i = dresult_(ids_i)
template <class B>
variable<B> add_rows(const variable<B>& y, const variable<B>& part, const id_matrix<B>& ids) {
  require(part.cols() == y.cols() && ids.size() == part.rows(), "add_rows: ", part.rows(), " x ", part.cols(), " and ",
          ids.size(), " ids for ", y.rows(), " x ", y.cols());
  matrix<B> sum = y.value().clone();
  B::scatter_add_rows(sum.view(), part.value().view(), ids.view());
  return make_result(
      std::move(sum),
      [y = y.without_value(), part = part.without_value(), ids](const variable<B>& result) {
        if (y.needs_gradient()) y.add_gradient(result.gradient());
        if (!part.needs_gradient()) return;
        matrix<B> d_part(part.rows(), part.cols());
        B::gather_rows(d_part.view(), std::as_const(result.gradient()).view(), ids.view(), nullptr, 0, 1);
        part.add_gradient(d_part);
      },
      y, part);
}

/// `rows` rows: those of `part` at the places `ids`, added up where ids repeat, zeros elsewhere.
///     dpart_i = dy_(ids_i)
template <class B>
variable<B> scatter_rows(const variable<B>& part, const id_matrix<B>& ids, index_t rows) {
  require(ids.size() == part.rows(), "scatter_rows: ", ids.size(), " ids for ", part.rows(), " rows");
  auto y = matrix<B>::filled(rows, part.cols(), typename B::scalar(0));
  B::scatter_add_rows(y.view(), part.value().view(), ids.view());
  return make_result(
      std::move(y),
      [part = part.without_value(), ids](const variable<B>& y) {
        matrix<B> d_part(part.rows(), part.cols());
        B::gather_rows(d_part.view(), std::as_const(y.gradient()).view(), ids.view(), nullptr, 0, 1);
        part.add_gradient(d_part);
      },
      part);
}

}  // namespace gmoe
