#pragma once
/// What experts of every kind do with their pairs: rows in, weights, rows out.

#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"
#include "gmoe/backend/groups.hpp"

namespace gmoe::generic {

/// The rows of each expert: those of its pairs, or all for the first one.
struct expert_ranges {
  template <class List>
  expert_ranges(const List& list, index_t tokens, index_t experts)
      : all{0, static_cast<id_type>(tokens)},
        groups(list.order == nullptr ? row_ranges{all, 1} : row_ranges{ids_on_host(list.offsets), experts}) {}
  expert_ranges(const expert_ranges&) = delete;
  expert_ranges& operator=(const expert_ranges&) = delete;
  index_t rows() const { return groups.total(); }

  id_type all[2];
  row_ranges groups;
};

/// One of the two matrices of all experts.
template <class T, class U>
block_view<T> blocks(matrix_view<T> stacked, const expert_view<U>& bank) {
  return {stacked, bank.first_unit, bank.visible, bank.widest};
}

/// The rows of x that experts read: a row per pair, or x itself.
template <class B>
struct pair_input {
  pair_input(in<B> x, const pair_rows<typename B::scalar>& pairs, index_t count) : rows(x) {
    if (pairs.everything()) return;
    gathered = matrix<B>(count, x.cols);
    B::gather_pairs(gathered.view(), 0, x, pairs.without_weights());
    rows = gathered.view();
  }
  matrix<B> gathered;
  in<B> rows;
};

/// Where experts write: a row per pair, to be combined in y, or y itself.
template <class B>
struct pair_output {
  using scalar = typename B::scalar;
  pair_output(out<B> y, scalar y_beta, const pair_rows<scalar>& pairs, index_t count)
      : beta(y_beta), rows(y), to(y), to_beta(y_beta) {
    if (pairs.everything()) return;
    made = matrix<B>(count, y.cols);
    rows = made.view();
    beta = 0;
  }
  void combine(const pair_rows<scalar>& pairs) {
    if (!pairs.everything()) B::combine_pairs(to, to_beta, rows, pairs);
  }
  matrix<B> made;
  scalar beta;
  out<B> rows;

 private:
  out<B> to;
  scalar to_beta;
};

/// P x 1: the weight of each row's pair.
template <class B>
matrix<B> weights_of_rows(const pair_rows<typename B::scalar>& pairs, index_t tokens, index_t count) {
  const index_t all = tokens * pairs.slots;
  matrix<B> w = zeros<B>(count, 1);
  B::scatter_add_rows(w.view(), in<B>{pairs.weights, all, 1, 1}, ids{pairs.position, 1, all, all});
  return w;
}

/// dweights (T x K, without gaps) = <dh, h> of the pair's row, over the units of its expert; pairs without a row keep
/// what they have, which has to be a number.
template <class B, class T>
void write_pair_dots(out<B> dweights, in<B> dh, in<B> h, const pair_rows<typename B::scalar>& pairs,
                     const row_ranges& groups, const block_view<T>& bank) {
  using scalar = typename B::scalar;
  matrix<B> dots(dh.rows, 1), of_pairs(dweights.size(), 1), there(dweights.size(), 1);
  for (index_t g = 0; g < groups.groups; ++g) {
    const auto own = [&](in<B> m) { return m.row_block(groups.begin(g), groups.rows(g)).col_block(0, bank.height(g)); };
    B::row_dots(dots.view().row_block(groups.begin(g), groups.rows(g)), 0, own(dh), own(h));
  }
  const ids place{pairs.position, 1, dweights.size(), dweights.size()};
  const matrix<B> one = ones<B>(dh.rows, 1);
  B::gather_rows(of_pairs.view(), dots.view(), place, nullptr, 0, 1);
  B::gather_rows(there.view(), one.view(), place, nullptr, 0, 1);
  const out<B> to{dweights.data, dweights.size(), 1, 1};
  B::map(to, scalar(0), replaced{}, to, there.view(), of_pairs.view());
}

}  // namespace gmoe::generic
