#pragma once
/// Softmax over each row: p_j = exp(z_j) / sum_i exp(z_i).

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// dz = p (dp - <dp, p>) for each row.
template <class B>
variable<B> softmax_rows(const variable<B>& z) {
  matrix<B> p(z.rows(), z.cols());
  B::softmax_rows(p.view(), z.value().view());
  return make_result(
      std::move(p),
      [z = z.without_value()](const variable<B>& p, const matrix<B>& value) {
        const auto [to, beta] = z.sink();
        B::softmax_rows_backward(to->view(), beta, std::as_const(p.gradient()).view(), value.view());
      },
      z);
}

}  // namespace gmoe
