#pragma once
/// Tokens cut into parts that are routed by themselves (Wu et al. 2024, Multi-Head Mixture-of-Experts).
///
///     [s_1 ; ... ; s_h] = W x + c        s_i in R^(d/h)
///     o_i = always(s_i) + sum over the experts chosen of s_i of w_e E_e(s_i)
///     y   = M [o_1 ; ... ; o_h] + b
///
/// Router and experts see h T rows of d / h numbers: a token can ask h times as many experts as one of its parts.

#include <algorithm>
#include <cmath>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/linear.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// h heads. W begins as Xavier uniform with gain 1 / sqrt(2), M with gain 1, both biases as zeros. Experts are d_ff
/// wide, as without heads, but of rows of d / h numbers.
struct multi_head {
  using slot = slots::form;
  index_t heads = 2;  ///< h
  static constexpr auto fields =
      std::tuple{field{"heads", &multi_head::heads, "parts of a token; a divisor of d_model", between(1, 1024)}};

  template <class B>
  struct layer {
    nn::linear<B> cut, merge;  ///< W, c and M, b
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    const auto square = [&](const builder<B>& in, double gain) {
      const double limit = gain * std::sqrt(3.0 / static_cast<double>(l.d_model));  // Xavier: sqrt(6 / (d + d))
      return nn::linear<B>{in.uniform("weight", l.d_model, l.d_model, limit), in.constant("bias", 1, l.d_model, 0)};
    };
    return {square(make.scope("cut"), std::sqrt(0.5)), square(make.scope("merge"), 1)};
  }
  layer_shape parts(layer_shape l) const {
    require(l.d_model % heads == 0, "multi_head: d_model = ", l.d_model, " cannot be cut into ", heads, " heads");
    l.d_model /= heads;
    l.rows_per_token = heads;
    return l;
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x, const auto& my) const {
    const variable<B> cut = reshape(my.layer.cut(at, x), x.rows() * heads, x.cols() / heads);
    const routing<B>& r = parts.route(at, cut);
    const variable<B> always = parts.always(at, cut, r), routed = parts.experts(at, cut, r);
    return my.layer.merge(at, reshape(always ? add(always, routed) : routed, x.rows(), x.cols()));
  }
};

/// The experts with which `heads` heads cost what a mixture of the numbers `plain`, k experts per token, costs without
/// them (after Huang et al. 2024, MH-MoE; derived here for experts of two matrices):
///
///     2 k d m' + 2 d^2 = 2 k d m               m' = m - d / k               products of a token
///     N' 2 (d / h) m' + 2 d^2 = N 2 d m        N' = h (N m - d) / m'        matrices of a layer
///
/// to the nearest whole numbers; router and biases are not counted. Returns `plain` with d_ff = m' and experts = N'.
/// Throws config_error where nothing would be left of an expert.
inline sizes multi_head_sizes(sizes plain, index_t heads, index_t k) {
  const double d = static_cast<double>(plain.d_model), m = static_cast<double>(plain.d_ff);
  const double n = static_cast<double>(plain.experts);
  const index_t width = std::llround(m - d / static_cast<double>(k));
  require(width >= 1, "multi_head: head and merge layer cost as much as d_model / k = ", d / static_cast<double>(k),
          " hidden units, which leaves none of d_ff = ", plain.d_ff);
  require(n * m > d, "multi_head: head and merge layer have as many numbers as d_model = ", plain.d_model,
          " hidden units, which leaves none of experts * d_ff = ", n * m);
  plain.experts =
      std::max<index_t>(1, std::llround(static_cast<double>(heads) * (n * m - d) / static_cast<double>(width)));
  plain.d_ff = width;
  return plain;
}

/// The same form with experts of multi_head_sizes: sizes are those of the mixture that it costs as much as.
struct multi_head_at_parity {
  using slot = slots::form;
  multi_head of{};

  sizes pool_sizes(const sizes& plain, index_t k) const { return multi_head_sizes(plain, of.heads, k); }
};

}  // namespace gmoe
