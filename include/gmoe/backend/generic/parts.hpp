#pragma once
/// What several compositions begin with.

#include "gmoe/backend/contract/short_list.hpp"

namespace gmoe::generic {

using contract::ids;
using contract::ids_out;
using contract::in;
using contract::out;

template <class B>
matrix<B> ones(index_t rows, index_t cols) {
  return matrix<B>::filled(rows, cols, 1);
}
template <class B>
matrix<B> zeros(index_t rows, index_t cols) {
  return matrix<B>::filled(rows, cols, 0);
}

/// rows x 1: the largest of each row, NaN where there is one; x has columns.
template <class B>
matrix<B> largest_of_rows(in<B> x) {
  const matrix<B> visible = ones<B>(1, x.cols);
  id_matrix<B> first(x.rows, 1);
  B::top_k_visible(first.view(), x, visible.view());
  matrix<B> top(x.rows, 1);
  B::gather_elements(top.view(), x, first.view());
  return top;
}

/// 1 where a slot holds an id below `count`, 0 where it is empty; of the shape of `id`.
template <class B>
matrix<B> filled_slots(ids id, index_t count) {
  const matrix<B> every = ones<B>(id.rows, count);
  matrix<B> there(id.rows, id.cols);
  B::gather_elements(there.view(), every.view(), id);
  return there;
}

}  // namespace gmoe::generic
