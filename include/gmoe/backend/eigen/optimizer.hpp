#pragma once
/// The optimiser's update: one pass over parameter, moments and gradient.

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct optimizer_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void adamw(out value, out first_moment, out second_moment, in gradient, const fn::adamw_step<S>& step) {
    parallel_ranges(value.size(), 8192, [&](index_t begin, index_t end) {
      for_packs<S>(end - begin, [&](index_t offset, index_t part) {
        const index_t j = begin + offset;
        pack<S> p = load(value.data + j, part), m = load(first_moment.data + j, part),
                v = load(second_moment.data + j, part);
        step(p, m, v, load(gradient.data + j, part));
        store(value.data + j, p, part);
        store(first_moment.data + j, m, part);
        store(second_moment.data + j, v, part);
      });
    });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
