#pragma once
/// HyperMoE (Zhao et al., ACL 2024): what the experts know that a token did not choose, through a small network that a
/// hypernetwork makes for it.

#include <cmath>
#include <utility>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/linear.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/outer_rows.hpp"
#include "gmoe/ops/repeat.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

namespace fn {
struct one_less {
  template <class T>
  GMOE_HD T operator()(const T& x) const {
    return T(1) - x;
  }
};
}  // namespace fn

/// For a token with the experts I chosen (dropped or not), in layer l:
///
///     v = B2 relu(B1 sum_{e not in I} q_e + b1) + b2      q: an embedding of every expert
///     h = relu(B3 [v ; p_l] + b3)                          p: an embedding of every layer; h has H numbers
///     D = sum_k h_k D_k     c = sum_k h_k c_k              a x d and a: made for the token
///     U = sum_k h_k U_k     g = sum_k h_k g_k              d x a and d
///     result = U relu(D x + c) + g
///
/// All of it is shared by all layers. D and U are never made: D x = sum_k h_k (D_k x), and U r is the product of all
/// U_k with the outer product of h and r: H a numbers per token instead of 2 a d.
struct hyper_adapter {
  using slot = slots::always;
  index_t expert_embedding = 32, layer_embedding = 8, hidden = 64, adapter = 16;
  static constexpr auto fields = std::tuple{
      field{"expert_embedding", &hyper_adapter::expert_embedding, "numbers that stand for an expert", at_least(1)},
      field{"layer_embedding", &hyper_adapter::layer_embedding, "numbers that stand for a layer", at_least(1)},
      field{"hidden", &hyper_adapter::hidden, "H: hidden units of the hypernetwork", at_least(1)},
      field{"adapter", &hyper_adapter::adapter, "a: hidden units of what it makes", at_least(1)}};

  template <class B>
  struct shared {
    parameter<B> experts, layers;        ///< q: N x 32, p: M x 8
    nn::linear<B> gather, spread, join;  ///< B1: 32 x H, B2: H x d, B3: (d + 8) x H, with their biases
    parameter<B> down, up;               ///< row i H + k: row i of D_k, column i of U_k: a H x d
    parameter<B> down_bias, up_bias;     ///< c: a x H, g: d x H, column k of each
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    const index_t d = l.d_model;
    const auto layer = [&](const char* name, index_t in, index_t out) {
      const builder<B> own = make.scope(name);
      const double limit = 1 / std::sqrt(static_cast<double>(in));
      return nn::linear<B>{own.uniform("weight", in, out, limit), own.uniform("bias", 1, out, limit)};
    };
    // So that what is made has weights of about 1e-3 of the usual variance.
    const auto made = [&](const char* name, index_t rows, index_t cols, index_t inputs) {
      return make.uniform(name, rows, cols, 1e-3 * std::sqrt(3 / static_cast<double>(hidden * inputs)));
    };
    return {make.normal("experts", l.experts, expert_embedding, 1),
            make.normal("layers", l.moe_layers, layer_embedding, 1),
            layer("gather", expert_embedding, hidden),
            layer("spread", hidden, d),
            layer("join", d + layer_embedding, hidden),
            made("down", adapter * hidden, d, d),
            made("up", adapter * hidden, d, adapter),
            made("down_bias", adapter, hidden, 1),
            made("up_bias", d, hidden, 1)};
  }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const auto& net = my.shared;
    matrix<B> others(x.rows(), r.experts);
    B::one_hot(others.view(), r.chosen.view());
    B::map(others.view(), 0, fn::one_less{}, std::as_const(others).view());
    const variable<B> unselected = matmul(at.constant(std::move(others)), at.use(net.experts));
    const variable<B> v = net.spread(at, relu(net.gather(at, unselected)));
    const variable<B> p = repeat_rows(rows_of(at.use(net.layers), at.layer.moe_layer, 1), x.rows());
    const variable<B> h = relu(net.join(at, concat_cols(v, p)));
    const variable<B> down = contract_rows(matmul(x, at.use(net.down), op::transpose), h);
    const variable<B> a = relu(add(down, matmul(h, at.use(net.down_bias), op::transpose)));
    return add(matmul(outer_rows(a, h), at.use(net.up)), matmul(h, at.use(net.up_bias), op::transpose));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(
        !has_uneven_layers<Card>,
        "gmoe: hyper_adapter knows the experts of all layers by their number, but the card's pool shows other "
        "numbers of experts to other layers");
    return true;
  }
};

}  // namespace gmoe
