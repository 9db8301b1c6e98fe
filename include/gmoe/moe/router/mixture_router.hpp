#pragma once
/// A router that the task does not teach (IDA-MoE, 2025): a mixture of Gaussians for every expert, fitted to the
/// tokens.
///
///     v   = W sg(x) + b                                               a small autoencoder's inside
///     z_i = log sum_m pi_im N(sg(v); mu_im, diag S_im)                p = softmax(z): who has most likely made v
///
/// Its losses in training, each a mean over tokens and layers, are all that it learns from:
///
///     router_likelihood     = likelihood (-log sum_i exp(z_i))
///     router_reconstruction = reconstruction |W' v + b' - sg(x)|^2 / d
///
/// v is a constant in the first, else the encoder would make all tokens equal. The logits are cut from the gradient.

#include <cmath>
#include <limits>
#include <numbers>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

struct mixture_router {
  using slot = slots::router;
  index_t width = 16;
  index_t components = 4;
  double likelihood = 0.01;
  double reconstruction = 1;
  static constexpr auto fields = std::tuple{
      field{"width", &mixture_router::width, "of what Gaussians see of a token", at_least(1)},
      field{"components", &mixture_router::components, "Gaussians of each expert", at_least(1)},
      field{"likelihood", &mixture_router::likelihood, "weight of the mixture's likelihood in the loss", at_least(0)},
      field{"reconstruction", &mixture_router::reconstruction, "weight of the autoencoder in the loss", at_least(0)}};

  /// M Gaussians for each of N experts, expert after expert.
  template <class B>
  struct layer {
    parameter<B> encoder, encoder_bias;  ///< W: width x d, b: 1 x width
    parameter<B> decoder, decoder_bias;  ///< W': d x width, b': 1 x d
    parameter<B> means, log_variances;   ///< N M x width, mu and log S
    parameter<B> shares;                 ///< 1 x N M: pi is their softmax
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    const index_t all = l.columns * components;
    return {make.linear("encoder", width, l.d_model), make.constant("encoder_bias", 1, width, 0),
            make.linear("decoder", l.d_model, width), make.constant("decoder_bias", 1, l.d_model, 0),
            make.normal("means", all, width, 0.5),    make.constant("log_variances", all, width, 0),
            make.constant("shares", 1, all, 0)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> seen = at.cut("router_input", x);
    const variable<B> v = add_row(matmul(seen, at.use(my.layer.encoder), op::transpose), at.use(my.layer.encoder_bias));
    const variable<B> z = group_log_sum_exp(joint(at, at.cut("router_latent", v), my.layer), components);
    if (at.training) {
      const double share = 1 / static_cast<double>(at.layer.moe_layers);
      if (likelihood > 0)
        at.add_loss("router_likelihood", scale(valid_means(log_sum_exp_rows(z), at.valid), -likelihood * share));
      if (reconstruction > 0) {
        const variable<B> again =
            add_row(matmul(v, at.use(my.layer.decoder), op::transpose), at.use(my.layer.decoder_bias));
        at.add_loss("router_reconstruction", scale(valid_means(row_sums(square(subtract(again, seen))), at.valid),
                                                   reconstruction * share / static_cast<double>(x.cols())));
      }
    }
    return at.cut("router_logits", z);
  }

 private:
  static constexpr double least_variance = 1e-4;

  /// log pi_im N(v; mu_im, S_im), T x N M: the squares are taken apart, so that they are products of matrices.
  template <class B>
  variable<B> joint(const place<B>& at, const variable<B>& v, const layer<B>& my) const {
    const variable<B> mu = at.use(my.means);
    const variable<B> s = clamp(exp(at.use(my.log_variances)), least_variance, std::numeric_limits<float>::max());
    const variable<B> precision = reciprocal(s), pull = multiply(mu, precision);
    const variable<B> quadratic =
        subtract(matmul(square(v), precision, op::transpose), scale(matmul(v, pull, op::transpose), 2));
    const variable<B> own = reshape(row_sums(add(multiply(mu, pull), log(s))), 1, mu.rows());
    const variable<B> constant = add_row(scale(quadratic, -0.5), scale(own, -0.5));
    const double unit = -0.5 * static_cast<double>(width) * std::log(2 * std::numbers::pi);
    return add_row(constant, add(log_softmax_rows(at.use(my.shares)),
                                 at.constant(matrix<B>::filled(1, mu.rows(), static_cast<typename B::scalar>(unit)))));
  }
};

}  // namespace gmoe
