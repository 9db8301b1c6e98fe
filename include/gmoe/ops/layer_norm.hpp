#pragma once
/// Layer normalisation (Ba et al. 2016): y = (x - mean) / sqrt(var + eps) * gain + bias for each row.

#include "gmoe/autograd/tape.hpp"

namespace gmoe {

/// `gain` and `bias` are 1 x cols. The variance is the biased one.
template <class B>
variable<B> layer_norm(const variable<B>& x, const variable<B>& gain, const variable<B>& bias, double epsilon) {
  require(gain.cols() == x.cols() && bias.cols() == x.cols(), "layer_norm: expected gain and bias of ", x.cols(),
          " columns, got ", gain.cols(), " and ", bias.cols());
  matrix<B> y(x.rows(), x.cols()), moments(x.rows(), 2);
  B::layer_norm(y.view(), moments.view(), x.value().view(), gain.value().view(), bias.value().view(),
                static_cast<typename B::scalar>(epsilon));
  return make_result(
      std::move(y),
      [x, gain, bias, moments](const variable<B>& y) {
        // The kernel adds to dgain and dbias; where nobody asks for a gradient it goes to scratch.
        const auto zeros = [&] { return matrix<B>::filled(1, x.cols(), typename B::scalar(0)); };
        const auto target = [&](const variable<B>& p) {
          if (!p.needs_gradient()) return zeros();
          if (!p.has_gradient()) p.add_gradient(zeros());
          return *p.sink().to;
        };
        matrix<B> dgain = target(gain), dbias = target(bias);
        matrix<B> unused;
        gradient_sink<B> dx = x.needs_gradient() ? x.sink() : gradient_sink<B>{&unused, 0};
        if (!x.needs_gradient()) unused = matrix<B>(x.rows(), x.cols());
        B::layer_norm_backward(dx.to->view(), dx.beta, dgain.view(), dbias.view(), std::as_const(y.gradient()).view(),
                               x.value().view(), moments.view(), gain.value().view());
      },
      x, gain, bias);
}

}  // namespace gmoe
