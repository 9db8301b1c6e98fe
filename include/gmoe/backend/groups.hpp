#pragma once
/// Rows in consecutive groups, each with a matrix of its own: what a routing looks like to a product.
///
/// P rows are sorted by group; group g has the rows [offsets[g], offsets[g + 1]), and its matrix is a block of rows of
/// a stacked one. Groups may be empty, all rows may lie in one, P may be 0.

#include <utility>
#include <vector>

#include "gmoe/backend/dispatch.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe {

/// Where groups begin, as plain numbers on the host: the sizes of products.
struct row_ranges {
  const id_type* offsets = nullptr;  ///< groups + 1 of them, the first is 0
  index_t groups = 0;

  index_t begin(index_t g) const { return offsets[g]; }
  index_t rows(index_t g) const { return offsets[g + 1] - offsets[g]; }
  index_t total() const { return offsets[groups]; }
};

/// The matrices of groups: blocks of rows of a stacked matrix, of different heights. Group g has block visible[g].
template <class T>
struct block_view {
  matrix_view<T> stacked;
  const index_t* first_row = nullptr;  ///< of every block, and one past the last
  const id_type* visible = nullptr;    ///< the blocks of the groups, all different
  index_t widest = 0;                  ///< the largest height among them

  index_t height(index_t g) const { return first_row[visible[g] + 1] - first_row[visible[g]]; }
  matrix_view<T> block(index_t g) const { return stacked.row_block(first_row[visible[g]], height(g)); }
};

/// The three matrices of gated experts, E(x) = W_out' (act(W_gate x) * (W_up x)): a row per hidden unit in each.
template <class T>
struct gated_blocks {
  block_view<T> gate, up, out;
};

/// What kernels read of the pairs that P rows stand for. Pair p = t K + j is slot j of token t.
template <class S>
struct pair_rows {
  const id_type* order = nullptr;     ///< the pair of each row; null, where a kernel says so: rows are tokens, weight 1
  const id_type* position = nullptr;  ///< T x K: the row of each pair, `no_choice` if it has none
  index_t slots = 1;                  ///< K
  const S* weights = nullptr;         ///< T x K, of every pair; null: weight 1

  bool everything() const { return order == nullptr; }
  pair_rows weighted(const S* w) const { return {order, position, slots, w}; }
  pair_rows without_weights() const { return weighted(nullptr); }
};

/// P rows in consecutive groups, such as the tokens of a sequence each.
template <class B>
struct row_groups {
  index_t groups = 0;
  index_t rows = 0;                ///< P
  id_matrix<B> offsets;            ///< 1 x (groups + 1)
  typename B::host_ids on_host{};  ///< the same on the host

  row_groups() = default;
  /// One group per entry of `lengths`, its number of rows.
  explicit row_groups(const std::vector<index_t>& lengths) : groups(static_cast<index_t>(lengths.size())) {
    std::vector<id_type> first{0};
    for (const index_t length : lengths) {
      require(length >= 0, "row_groups: a group of ", length, " rows");
      first.push_back(static_cast<id_type>(rows += length));
    }
    offsets = id_matrix<B>::from_host(first, 1, groups + 1);
    on_host = B::read_ids(std::as_const(offsets).view());
  }
  /// From offsets on both sides. The number of rows is the last of them, for which this waits.
  row_groups(index_t count, id_matrix<B> first, typename B::host_ids sent)
      : groups(count), offsets(std::move(first)), on_host(std::move(sent)) {
    rows = ranges().total();
  }

  row_ranges ranges() const { return {ids_on_host(on_host), groups}; }
};

/// The kept pairs of a routing, exactly P of them, sorted by expert: an expert is a group, a pair a row.
template <class B>
struct pair_groups : row_groups<B> {
  index_t tokens = 0, slots = 1;
  id_matrix<B> order;     ///< 1 x T K, of which the first P are the pairs of the rows
  id_matrix<B> position;  ///< T x K: the row of each pair, `no_choice` if it was dropped

  pair_groups() = default;
  explicit pair_groups(const dispatch<B>& d)
      : row_groups<B>(d.experts, d.offsets, d.offsets_on_host()),
        tokens(d.tokens),
        slots(d.slots),
        order(d.order),
        position(d.position) {}

  /// For kernels; `weights` is T x K or nothing.
  pair_rows<typename B::scalar> pairs(const typename B::scalar* weights = nullptr) const {
    return {order.data(), position.data(), slots, weights};
  }
};

}  // namespace gmoe
