#pragma once
/// A token as it is, and as its code: experts of both (VQMoE, Do et al. 2024).
///
///     c   = the code nearest to x: v_c of v_1, ..., v_N         x^ = x + sg(v_c - x)
///     a   = softmax(W_a x), two numbers
///     y   = always(x) + a_1 sum over the chosen experts of w_e E_e(x) + a_2 E_c(x^)
///
/// Its losses, each a mean over tokens and layers, bring codes to tokens and tokens to codes:
///
///     vq_codebook = codebook |sg(x) - v_c|^2 / d        vq_commitment = commitment |x - sg(v_c)|^2 / d

#include <tuple>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/distances.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/rows_by_id.hpp"
#include "gmoe/ops/softmax.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// A codebook with a code for every expert of the layer. The routing is that of x; whom codes ask is no choice of a
/// router, and not among the findings.
struct with_codebook {
  using slot = slots::form;
  double codebook = 1;
  double commitment = 0.25;
  static constexpr auto fields = std::tuple{
      field{"codebook", &with_codebook::codebook, "weight in the loss of how far codes are from tokens", at_least(0)},
      field{"commitment", &with_codebook::commitment, "weight in the loss of how far tokens are from codes",
            at_least(0)}};

  template <class B>
  struct layer {
    parameter<B> codes;  ///< v: N x d
    parameter<B> paths;  ///< W_a: 2 x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.normal("codes", l.experts, l.d_model, 1), make.linear("paths", 2, l.d_model)};
  }
  /// For accounting: that of the token's code.
  double experts_assigned(const layer_shape&) const { return 1; }

  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x, const auto& my) const {
    const routing<B>& r = parts.route(at, x);
    const variable<B> codes = at.use(my.layer.codes);
    const id_matrix<B> nearest = nearest_of(x.value(), codes.value());
    const variable<B> code = take_rows(codes, nearest.reshaped(1, x.rows()));
    add_losses(at, x, code);
    const variable<B> quantised = add(x, at.cut("vq_step", subtract(code, x)));

    place<B> unseen = at;  // what a trace shows of experts is what the router chose
    unseen.observer = nullptr;
    const variable<B> by_router = parts.experts(at, x, r);
    const variable<B> by_code = parts.experts(unseen, quantised, parts.assign(unseen, nearest));
    const variable<B> a = softmax_rows(matmul(x, at.use(my.layer.paths), op::transpose));
    const variable<B> y = add(multiply_col(by_router, columns_of(a, 0, 1)), multiply_col(by_code, columns_of(a, 1, 1)));
    const variable<B> always = parts.always(at, x, r);
    return always ? add(always, y) : y;
  }

 private:
  /// T x 1. Of codes equally near, the lowest.
  template <class B>
  static id_matrix<B> nearest_of(const matrix<B>& x, const matrix<B>& codes) {
    return choose_top_k(scale(row_distances(variable<B>(x), variable<B>(codes)), -1).value(), 1);
  }
  template <class B>
  void add_losses(const place<B>& at, const variable<B>& x, const variable<B>& code) const {
    const double share = 1 / static_cast<double>(at.layer.moe_layers * x.cols());
    const auto distance = [&](const variable<B>& a, const variable<B>& b) {
      return valid_means(row_sums(square(subtract(a, b))), at.valid);
    };
    if (codebook > 0) at.add_loss("vq_codebook", scale(distance(at.cut("vq_input", x), code), codebook * share));
    if (commitment > 0) at.add_loss("vq_commitment", scale(distance(x, at.cut("vq_code", code)), commitment * share));
  }
};

}  // namespace gmoe
