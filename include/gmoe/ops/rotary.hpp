#pragma once
/// Positions as angles (Su et al. 2021): columns j and j + half of every head are turned by position * base^(-2 j /
/// head). The product of two rows then depends on how far they are apart.

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// x (T x c) with its first `turned` columns, heads of angles.cols() each, turned; the others stay. `angles` has the
/// cosines and sines of positions 0, 1, ..., columns [cos | sin] (see nn/rotary_angles.hpp). Row i stands at
/// position first + i mod sequence.
///     dx = dy turned back
template <class B>
variable<B> rotary(const variable<B>& x, const matrix<B>& angles, index_t sequence, index_t first, index_t turned) {
  using S = typename B::scalar;
  require(turned <= x.cols() && turned % angles.cols() == 0, "rotary: ", turned, " of ", x.cols(),
          " columns are no heads of ", angles.cols());
  require(first + sequence <= angles.rows(), "rotary: position ", first + sequence - 1, " is beyond the ",
          angles.rows(), " that there are angles for");
  const auto turn = [angles, sequence, first, turned](auto y, S beta, auto x, S way) {
    B::rotate(y.col_block(0, turned), beta, x.col_block(0, turned), angles.view(), sequence, first, way);
    if (turned < x.cols)
      B::map(y.col_block(turned, x.cols - turned), beta, fn::same{}, x.col_block(turned, x.cols - turned));
  };
  matrix<B> y(x.rows(), x.cols());
  turn(y.view(), S(0), x.value().view(), S(1));
  return make_result(
      std::move(y),
      [x = x.without_value(), turn](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        turn(to->view(), beta, std::as_const(y.gradient()).view(), S(-1));
      },
      x);
}

}  // namespace gmoe
