#pragma once
/// Token-expert pairs sorted by expert: what a router's choices look like to the experts.

#include <utility>

#include "gmoe/backend/matrix.hpp"

namespace gmoe {

/// Ids that were sent for, when they are there.
inline const id_type* ids_on_host(const id_type* ids) { return ids; }
template <class Arriving>
const id_type* ids_on_host(const Arriving& ids) {
  return ids.get();
}

/// The choices of T tokens with K slots each. Pair p = t K + j is slot j of token t.
template <class B>
struct dispatch {
  index_t tokens = 0, slots = 0, experts = 0;
  id_matrix<B> order;           ///< 1 x T K: the kept pairs by expert, in token order within an expert
  id_matrix<B> position;        ///< T x K: where each pair stands in `order`, `no_choice` if it was dropped
  id_matrix<B> offsets;         ///< 1 x (experts + 1): expert e's pairs are order[offsets[e] .. offsets[e+1])
  typename B::host_ids sent{};  ///< the offsets on their way to the host, if they were sent for

  /// The offsets on the host, where the sizes of the experts' products are needed.
  typename B::host_ids offsets_on_host() const { return sent ? sent : B::read_ids(offsets.view()); }
  /// P: the pairs that exist, for which this waits. What is computed for pairs has as many rows.
  index_t count() const {
    const typename B::host_ids first = offsets_on_host();
    return ids_on_host(first)[experts];
  }
};

/// Sorts the pairs of `kept` (T x K) by expert, and sends for the offsets, so that they arrive while other work runs.
template <class B>
dispatch<B> sort_by_expert(const id_matrix<B>& kept, index_t experts) {
  dispatch<B> d{kept.rows(),
                kept.cols(),
                experts,
                id_matrix<B>(1, kept.size()),
                id_matrix<B>(kept.rows(), kept.cols()),
                id_matrix<B>(1, experts + 1)};
  B::sort_pairs(d.order.view(), d.position.view(), d.offsets.view(), kept.view());
  d.sent = B::read_ids(std::as_const(d.offsets).view());
  return d;
}

/// Experts of a bank as one layer sees them. Expert e owns `units` hidden units, which are rows of w_in and w_out.
template <class T>
struct expert_view {
  matrix_view<T> w_in;                  ///< units of the whole bank x d_model
  matrix_view<T> w_out;                 ///< units of the whole bank x d_model: the transposed second matrix
  const index_t* first_unit = nullptr;  ///< of every expert of the bank, and one past the last
  const id_type* visible = nullptr;     ///< the layer's expert e is the bank's expert visible[e]
  index_t experts = 0;                  ///< number of experts that the layer sees
  index_t widest = 0;                   ///< the largest number of units among them

  index_t begin(index_t e) const { return first_unit[visible[e]]; }
  index_t units(index_t e) const { return first_unit[visible[e] + 1] - first_unit[visible[e]]; }
};

}  // namespace gmoe
