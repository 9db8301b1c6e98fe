#pragma once
/// Two mixtures one after the other in every layer, as in CartesianMoE (Su et al. 2024): n and n experts make n^2
/// compositions.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/inner.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// y = f + g,   f = A(x),   g = B(LN(r + f)),   r the residual stream.
///
/// A and B are whole mixtures of the cards `first` and `second`, each with a pool, a router and a balance loss of its
/// own; that of the card itself is asked for none of them. With a divisor of 2 their experts are half as wide as d_ff:
/// n and n of them have the parameters of n experts.
template <class First, class Second>
struct in_series {
  using slot = slots::form;
  using uses = slot_list<>;
  First first{};    ///< A
  Second second{};  ///< B
  index_t divisor = 1;
  static constexpr auto fields =
      std::tuple{field{"first", &in_series::first, "the mixture that sees the layer's input"},
                 field{"second", &in_series::second, "the mixture upon the first one"},
                 field{"divisor", &in_series::divisor, "of d_ff: how much narrower experts of both are", at_least(1)}};

  template <class B>
  struct layer {
    nn::layer_norm<B> norm;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {nn::layer_norm<B>::make(make.scope("norm"), l.d_model, l.layer_norm_epsilon)};
  }
  layer_shape parts(layer_shape l) const {
    require(l.d_ff % divisor == 0, "in_series: d_ff = ", l.d_ff, " is not divisible by divisor = ", divisor);
    l.d_ff /= divisor;
    return l;
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x, const auto& my) const {
    require(bool(at.residual), "block ", at.block,
            ": in_series reads the residual stream, which the mixture was not given: moe(pass, layer, x, residual)");
    const variable<B> f = parts.mixture(&in_series::first, at, x);
    const variable<B> g = parts.mixture(&in_series::second, at, my.layer.norm(at, add(at.residual, f)));
    return add(f, g);
  }
};

}  // namespace gmoe
