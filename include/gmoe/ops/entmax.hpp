#pragma once
/// Entmax with alpha = 1.5 (Peters et al., ACL 2019): between softmax and sparsemax, with exact zeros.

#include "gmoe/autograd/tape.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

/// p_j = max(z_j / 2 - tau, 0)^2 with tau such that each row sums to one.
///     dz = s (dp - <dp, s> / sum s), s = sqrt(p)
template <class B>
variable<B> entmax_rows(const variable<B>& z) {
  matrix<B> p(z.rows(), z.cols());
  B::entmax_rows(p.view(), z.value().view());
  return make_result(
      std::move(p),
      [z = z.without_value()](const variable<B>& p, const matrix<B>& value) {
        const auto dp = std::as_const(p.gradient()).view();
        matrix<B> s(z.rows(), z.cols()), sums(z.rows(), 1), means(z.rows(), 1), difference(z.rows(), z.cols());
        B::map(s.view(), 0, fn::value_of<fn::square_root>{}, value.view());
        const auto root = std::as_const(s).view();
        B::row_sums(sums.view(), 0, 1, root);
        B::row_dots(means.view(), 0, dp, root);
        B::map(means.view(), 0, fn::over{}, std::as_const(means).view(), std::as_const(sums).view());
        B::map_with_col(difference.view(), 0, fn::minus{}, dp, std::as_const(means).view());
        const auto [to, beta] = z.sink();
        B::map(to->view(), beta, fn::times{}, root, std::as_const(difference).view());
      },
      z);
}

}  // namespace gmoe
