#pragma once
/// Layer normalisation (Ba et al. 2016): y = (x - mean) / sqrt(var + eps) * gain + bias for each row.

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// `gain` and `bias` are 1 x cols. The variance is the biased one.
template <class B>
variable<B> layer_norm(const variable<B>& x, const variable<B>& gain, const variable<B>& bias, double epsilon) {
  require(gain.rows() == 1 && gain.cols() == x.cols() && bias.rows() == 1 && bias.cols() == x.cols(),
          "layer_norm: expected gain and bias of 1 x ", x.cols(), ", got ", gain.rows(), " x ", gain.cols(), " and ",
          bias.rows(), " x ", bias.cols());
  matrix<B> y(x.rows(), x.cols()), moments(x.rows(), 2);
  B::layer_norm(y.view(), moments.view(), x.value().view(), gain.value().view(), bias.value().view(),
                static_cast<typename B::scalar>(epsilon));
  return make_result(
      std::move(y),
      [x, gain, bias, moments](const variable<B>& y) {
        // The kernel adds to dgain and dbias; where nobody asks for a gradient it goes to scratch.
        matrix<B> unused_gain, unused_bias, unused;
        const auto target = [&](const variable<B>& p, matrix<B>& scratch) {
          if (p.needs_gradient()) return p.zeroed_sink().view();
          scratch = matrix<B>::filled(1, x.cols(), typename B::scalar(0));
          return scratch.view();
        };
        const auto dgain = target(gain, unused_gain), dbias = target(bias, unused_bias);
        if (!x.needs_gradient()) unused = matrix<B>(x.rows(), x.cols());
        const gradient_sink<B> dx = x.needs_gradient() ? x.sink() : gradient_sink<B>{&unused, 0};
        B::layer_norm_backward(dx.to->view(), dx.beta, dgain, dbias, std::as_const(y.gradient()).view(),
                               x.value().view(), moments.view(), gain.value().view());
      },
      x, gain, bias);
}

}  // namespace gmoe
