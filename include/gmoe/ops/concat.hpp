#pragma once
/// Side by side: [a | b].

#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// [a | b]: the columns of `a`, then those of `b`.
template <class B>
variable<B> concat_cols(const variable<B>& a, const variable<B>& b) {
  require(a.rows() == b.rows(), "concat_cols: ", a.rows(), " and ", b.rows(), " rows");
  const index_t n = a.cols(), m = b.cols();
  matrix<B> y(a.rows(), n + m);
  B::map(y.view().col_block(0, n), 0, fn::same{}, a.value().view());
  B::map(y.view().col_block(n, m), 0, fn::same{}, b.value().view());
  return make_result(
      std::move(y),
      [a = a.without_value(), b = b.without_value(), n, m](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (a.needs_gradient()) {
          const auto [to, beta] = a.sink();
          B::map(to->view(), beta, fn::same{}, dy.col_block(0, n));
        }
        if (b.needs_gradient()) {
          const auto [to, beta] = b.sink();
          B::map(to->view(), beta, fn::same{}, dy.col_block(n, m));
        }
      },
      a, b);
}

}  // namespace gmoe
