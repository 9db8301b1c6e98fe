#pragma once
/// Sums over rows in consecutive groups, such as the tokens of a sequence or the pairs of an expert, and back.

#include <type_traits>
#include <utility>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/groups.hpp"

namespace gmoe {

/// Row g of y = scale times the sum of the rows of x in group g: groups x cols, zeros for an empty group.
///     dx_i = scale dy_g for row i of group g
template <class B>
variable<B> segment_sums(const variable<B>& x, const std::type_identity_t<row_groups<B>>& groups, double scale = 1) {
  require(x.rows() == groups.rows, "segment_sums: ", x.rows(), " rows, but groups of ", groups.rows);
  const auto factor = static_cast<typename B::scalar>(scale);
  matrix<B> y(groups.groups, x.cols());
  B::segment_sums(y.view(), 0, factor, x.value().view(), groups.offsets.view());
  return make_result(
      std::move(y),
      [x = x.without_value(), groups, factor](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        B::expand_segments(to->view(), beta, factor, std::as_const(y.gradient()).view(), groups.offsets.view());
      },
      x);
}

/// Every row of group g of y = row g of x (groups x cols).
///     dx_g = sum of the rows of dy in group g
template <class B>
variable<B> expand_segments(const variable<B>& x, const std::type_identity_t<row_groups<B>>& groups) {
  require(x.rows() == groups.groups, "expand_segments: ", x.rows(), " rows for ", groups.groups, " groups");
  matrix<B> y(groups.rows, x.cols());
  B::expand_segments(y.view(), 0, 1, x.value().view(), groups.offsets.view());
  return make_result(
      std::move(y),
      [x = x.without_value(), groups](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        B::segment_sums(to->view(), beta, 1, std::as_const(y.gradient()).view(), groups.offsets.view());
      },
      x);
}

}  // namespace gmoe
