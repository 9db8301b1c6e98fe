#pragma once
/// Stable sorting of small keys, and where each key's run begins.

#include "gmoe/backend/thrust/system.hpp"  // chooses the device system: before Thrust

#include <thrust/binary_search.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/sort.h>

#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Sorts `count` keys, the smallest first, and moves `values` with them; equal keys keep their order. Keys must not be
/// negative: Thrust 3.0 takes some of them for large ones on the host.
template <class Key>
void stable_sort_by(Key* keys, id_type* values, index_t count) {
  translating_errors("thrust::stable_sort_by_key",
                     [&] { ::thrust::stable_sort_by_key(policy(), keys, keys + count, values); });
}
inline void stable_sort(id_type* keys, id_type* values, index_t count) { stable_sort_by(keys, values, count); }

/// run[k] = the first place of sorted `keys` that holds at least k, for k = 0, ..., classes.
inline void find_runs(id_type* run, const id_type* keys, index_t count, index_t classes) {
  const ::thrust::counting_iterator<id_type> first(0);
  translating_errors("thrust::lower_bound",
                     [&] { ::thrust::lower_bound(policy(), keys, keys + count, first, first + (classes + 1), run); });
}

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
