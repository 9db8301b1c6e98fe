#pragma once
/// Keys of experts that are pairs of shorter keys (product keys, Lample et al. 2019; PEER, He 2024).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/outer_rows.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// N = n m experts, n the largest divisor of N that is not above its root. With q = LN(W x), two halves of `half`
/// numbers:
///     z_(i m + j) = <q_1, c_i> + <q_2, c'_j>
/// n + m products in place of N, and N sums. The k largest of all are among the sums of the k largest of each half.
struct product_keys {
  using slot = slots::router;
  index_t half = 8;
  static constexpr auto fields =
      std::tuple{field{"half", &product_keys::half, "numbers in each half of a query", at_least(1)}};

  template <class B>
  struct layer {
    parameter<B> query;          ///< W: 2 half x d
    nn::layer_norm<B> norm;      ///< of a query
    parameter<B> first, second;  ///< c: n x half, c': m x half
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    index_t n = 1;
    for (index_t i = 1; i * i <= l.columns; ++i)
      if (l.columns % i == 0) n = i;
    return {make.linear("query", 2 * half, l.d_model),
            nn::layer_norm<B>::make(make.scope("norm"), 2 * half, l.layer_norm_epsilon), make.linear("first", n, half),
            make.linear("second", l.columns / n, half)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> q = my.layer.norm(at, matmul(x, at.use(my.layer.query), op::transpose));
    const auto scores = [&](index_t from, const parameter<B>& keys) {
      return matmul(columns_of(q, from, half), at.use(keys), op::transpose);
    };
    const variable<B> a = scores(0, my.layer.first), b = scores(half, my.layer.second);
    const auto ones = [&](index_t cols) {
      return at.constant(matrix<B>::filled(x.rows(), cols, typename B::scalar(1)));
    };
    return add(outer_rows(a, ones(b.cols())), outer_rows(ones(a.cols()), b));
  }
};

}  // namespace gmoe
