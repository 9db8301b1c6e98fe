#pragma once
/// A learned number times a matrix.

#include "gmoe/ops/repeat.hpp"

namespace gmoe {

/// s x for s (1 x 1): a learned scale or temperature, without asking the device for its value.
///     ds = <dy, x>      dx = s dy
template <class B>
variable<B> scale_by(const variable<B>& s, const variable<B>& x) {
  require(s.rows() == 1 && s.cols() == 1, "scale_by: expected a 1 x 1 factor, got ", s.rows(), " x ", s.cols());
  matrix<B> y(x.rows(), x.cols());
  B::map_with_col(y.view(), 0, fn::times{}, x.value().view(), detail::repeated<B>(s.value(), x.rows()).view());
  return make_result(
      std::move(y),
      [s, x](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (s.needs_gradient()) {
          matrix<B> dots(x.rows(), 1);
          B::row_dots(dots.view(), 0, dy, x.value().view());
          const auto [to, beta] = s.sink();
          B::sum(to->view(), beta, 1, std::as_const(dots).view());
        }
        if (x.needs_gradient()) {
          const auto factors = detail::repeated<B>(s.value(), x.rows());
          const auto [to, beta] = x.sink();
          B::map_with_col(to->view(), beta, fn::times{}, dy, std::as_const(factors).view());
        }
      },
      s, x);
}

}  // namespace gmoe
