#pragma once
/// The optimiser's update, a map for the parameter and one for each moment.

#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct optimizer_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void adamw(out value, out first_moment, out second_moment, in gradient, const fn::adamw_step<S>& step) {
    B::map(value, S(0), adamw_value<S>{step}, value, first_moment, second_moment, gradient);
    B::map(first_moment, S(0), adamw_first<S>{step}, first_moment, gradient);
    B::map(second_moment, S(0), adamw_second<S>{step}, second_moment, gradient);
  }
};

}  // namespace gmoe::generic
