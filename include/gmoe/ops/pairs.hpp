#pragma once
/// From tokens to the rows of their pairs, and back. A row is a kept (token, expert) pair, sorted by expert.

#include <type_traits>
#include <utility>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/groups.hpp"

namespace gmoe {

/// Row i of y = the row of x (T x d) of pair i's token: P x d.
///     dx_t = sum over t's pairs of their rows of dy
template <class B>
variable<B> gather_pairs(const variable<B>& x, const std::type_identity_t<pair_groups<B>>& to) {
  require(x.rows() == to.tokens, "gather_pairs: ", x.rows(), " rows, but pairs of ", to.tokens, " tokens");
  matrix<B> y(to.rows, x.cols());
  B::gather_pairs(y.view(), 0, x.value().view(), to.pairs());
  return make_result(
      std::move(y),
      [x = x.without_value(), to](const variable<B>& y) {
        const auto [dx, beta] = x.sink();
        B::combine_pairs(dx->view(), beta, std::as_const(y.gradient()).view(), to.pairs());
      },
      x);
}

/// Row t of y = sum over t's kept pairs of w_tj times their row of x (P x d): T x d, zeros for a token without a pair.
/// `weights` is T x K, or nothing for weight 1.
///     dx_i = w_tj dy_t      dw_tj = <dy_t, x_i>, 0 for a dropped pair
template <class B>
variable<B> combine_pairs(const variable<B>& x, const std::type_identity_t<variable<B>>& weights,
                          const std::type_identity_t<pair_groups<B>>& from) {
  require(x.rows() == from.rows, "combine_pairs: ", x.rows(), " rows for ", from.rows, " pairs");
  require(!weights || (weights.rows() == from.tokens && weights.cols() == from.slots),
          "combine_pairs: expected weights", " of ", from.tokens, " x ", from.slots, ", got ",
          weights ? weights.rows() : 0, " x ", weights ? weights.cols() : 0);
  matrix<B> y(from.tokens, x.cols());
  B::combine_pairs(y.view(), 0, x.value().view(), from.pairs(weights ? weights.value().data() : nullptr));
  return make_result(
      std::move(y),
      [x = weights && weights.needs_gradient() ? x : x.without_value(), weights, from](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (x.needs_gradient()) {
          const auto [to, beta] = x.sink();
          B::gather_pairs(to->view(), beta, dy, from.pairs(weights ? weights.value().data() : nullptr));
        }
        if (weights && weights.needs_gradient()) {
          const auto [to, beta] = weights.sink();
          B::pair_dots(to->view(), beta, dy, x.value().view(), from.pairs());
        }
      },
      x, weights);
}
template <class B>
variable<B> combine_pairs(const variable<B>& x, const std::type_identity_t<pair_groups<B>>& from) {
  return combine_pairs(x, variable<B>(), from);
}

/// The entries of w (T x K, one for each slot) of the kept pairs, sorted as their rows: P x 1.
template <class B>
variable<B> pair_values(const variable<B>& w, const std::type_identity_t<pair_groups<B>>& to) {
  require(w.rows() == to.tokens && w.cols() == to.slots, "pair_values: expected ", to.tokens, " x ", to.slots, ", got ",
          w.rows(), " x ", w.cols());
  const auto by_itself = [](pair_rows<typename B::scalar> pairs) {  // every pair is a token's only one
    pairs.slots = 1;
    return pairs;
  };
  matrix<B> y(to.rows, 1);
  B::gather_pairs(y.view(), 0, w.value().reshaped(w.size(), 1).view(), by_itself(to.pairs()));
  return make_result(
      std::move(y),
      [w = w.without_value(), to, by_itself](const variable<B>& y) {
        const auto [dw, beta] = w.sink();
        B::combine_pairs(dw->reshaped(dw->size(), 1).view(), beta, std::as_const(y.gradient()).view(),
                         by_itself(to.pairs()));
      },
      w);
}

}  // namespace gmoe
