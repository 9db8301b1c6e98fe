#pragma once
/// The optimiser's update: one pass over parameter, moments and gradient.

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct adamw_element {
  S *value, *first_moment, *second_moment;
  const S* gradient;
  fn::adamw_step<S> step;
  GMOE_HD void operator()(index_t i) const {
    S p = value[i], m = first_moment[i], v = second_moment[i];
    step(p, m, v, gradient[i]);
    value[i] = p;
    first_moment[i] = m;
    second_moment[i] = v;
  }
};

template <class S>
struct optimizer_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void adamw(out value, out first_moment, out second_moment, in gradient, const fn::adamw_step<S>& step) {
    for_each_index(value.size(),
                   adamw_element<S>{value.data, first_moment.data, second_moment.data, gradient.data, step});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
