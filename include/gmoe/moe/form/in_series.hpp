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
/// own; that of the card itself is asked for none of them.
template <class First, class Second>
struct in_series {
  using slot = slots::form;
  using uses = slot_list<>;
  First first{};    ///< A
  Second second{};  ///< B
  static constexpr auto fields =
      std::tuple{field{"first", &in_series::first, "the mixture that sees the layer's input"},
                 field{"second", &in_series::second, "the mixture upon the first one"}};

  template <class B>
  struct layer {
    nn::layer_norm<B> norm;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {nn::layer_norm<B>::make(make.scope("norm"), l.d_model, l.layer_norm_epsilon)};
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
