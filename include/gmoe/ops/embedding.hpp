#pragma once
/// Rows of a table by id, and elements of rows.

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// Row t = table[tokens_t] + positions[first + t mod sequence]: GPT-2's input. Token ids must be checked before.
template <class B>
variable<B> embed(const variable<B>& table, const variable<B>& positions, const id_matrix<B>& tokens, index_t first,
                  index_t sequence) {
  require(table.cols() == positions.cols(), "embed: rows of ", table.cols(), " columns and positions of ",
          positions.cols());
  require(first >= 0 && sequence >= 1 && first + sequence <= positions.rows(), "embed: positions ", first, " to ",
          first + sequence - 1, " of ", positions.rows());
  matrix<B> y(tokens.size(), table.cols());
  const auto pos = positions.value().view();
  B::gather_rows(y.view(), table.value().view(), tokens.view(), &pos, first, sequence);
  return make_result(
      std::move(y),
      [table = table.without_value(), positions = positions.without_value(), tokens, first,
       sequence](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (table.needs_gradient()) B::scatter_add_rows(table.zeroed_sink().view(), dy, tokens.view());
        if (positions.needs_gradient())
          B::add_rows_periodic(positions.zeroed_sink().view().row_block(first, sequence), dy, sequence);
      },
      table, positions);
}

/// y(t, j) = x(t, ids(t, j)), 0 where the id is `no_choice`: the scores of the chosen experts.
template <class B>
variable<B> gather_elements(const variable<B>& x, const id_matrix<B>& ids) {
  require(ids.rows() == x.rows(), "gather_elements: ", ids.rows(), " rows of ids for ", x.rows(), " rows");
  matrix<B> y(ids.rows(), ids.cols());
  B::gather_elements(y.view(), x.value().view(), ids.view());
  return make_result(
      std::move(y),
      [x = x.without_value(), ids](const variable<B>& y) {
        B::scatter_add_elements(x.zeroed_sink().view(), std::as_const(y.gradient()).view(), ids.view());
      },
      x);
}

/// T x cols: zeros but for y(t, ids(t, j)) = x(t, j), added up where a row has an id twice; nothing for `no_choice`.
/// Turns weights of chosen experts into weights of all: gather_elements the other way round.
///     dx(t, j) = dy(t, ids(t, j))
template <class B>
variable<B> scatter_elements(const variable<B>& x, const id_matrix<B>& ids, index_t cols) {
  require(ids.rows() == x.rows() && ids.cols() == x.cols(), "scatter_elements: ids of ", ids.rows(), " x ", ids.cols(),
          " for ", x.rows(), " x ", x.cols());
  auto y = matrix<B>::filled(x.rows(), cols, typename B::scalar(0));
  B::scatter_add_elements(y.view(), x.value().view(), ids.view());
  return make_result(
      std::move(y),
      [x = x.without_value(), ids](const variable<B>& y) {
        matrix<B> dx(x.rows(), x.cols());
        B::gather_elements(dx.view(), std::as_const(y.gradient()).view(), ids.view());
        x.add_gradient(dx);
      },
      x);
}

}  // namespace gmoe
