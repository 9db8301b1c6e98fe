#pragma once
/// Element-wise operations: y = f(x), a + b, a * b, s x, for matrices of one shape.

#include "gmoe/autograd/tape.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

namespace detail {
template <class B>
void require_same_shape(const char* what, const variable<B>& a, const variable<B>& b) {
  require(a.rows() == b.rows() && a.cols() == b.cols(), what, ": shapes differ, ", a.rows(), " x ", a.cols(), " and ",
          b.rows(), " x ", b.cols());
}
}  // namespace detail

/// y = f.value(x); dx = dy * f.slope(x, y). See core/functions.hpp for what `f` offers.
template <class B, class F>
variable<B> apply(const F& f, const variable<B>& x) {
  matrix<B> y(x.rows(), x.cols());
  B::map(y.view(), 0, fn::value_of<F>{f}, x.value().view());
  return make_result(
      std::move(y),
      [x, f](const variable<B>& y, const matrix<B>& value) {
        const auto [to, beta] = x.sink();
        B::map(to->view(), beta, fn::slope_of<F>{f}, std::as_const(y.gradient()).view(), x.value().view(),
               value.view());
      },
      x);
}

template <class B>
variable<B> relu(const variable<B>& x) {
  return apply(fn::relu{}, x);
}
template <class B>
variable<B> gelu(const variable<B>& x) {
  return apply(fn::gelu{}, x);
}
template <class B>
variable<B> silu(const variable<B>& x) {
  return apply(fn::silu{}, x);
}
template <class B>
variable<B> sigmoid(const variable<B>& x) {
  return apply(fn::logistic{}, x);
}
template <class B>
variable<B> tanh(const variable<B>& x) {
  return apply(fn::hyperbolic_tangent{}, x);
}
template <class B>
variable<B> exp(const variable<B>& x) {
  return apply(fn::exponential{}, x);
}
template <class B>
variable<B> log(const variable<B>& x) {
  return apply(fn::natural_log{}, x);
}
template <class B>
variable<B> square(const variable<B>& x) {
  return apply(fn::square{}, x);
}

template <class B>
variable<B> softplus(const variable<B>& x) {
  return apply(fn::softplus{}, x);
}
template <class B>
variable<B> sqrt(const variable<B>& x) {
  return apply(fn::square_root{}, x);
}
template <class B>
variable<B> reciprocal(const variable<B>& x) {
  return apply(fn::reciprocal{}, x);
}
/// x log x, 0 at 0.
template <class B>
variable<B> x_log_x(const variable<B>& x) {
  return apply(fn::x_log_x{}, x);
}
/// x, but at least `low` and at most `high`; no gradient outside.
template <class B>
variable<B> clamp(const variable<B>& x, double low, double high) {
  using scalar = typename B::scalar;
  require(low <= high, "clamp: from ", low, " to ", high);
  return apply(fn::clamp<scalar>{static_cast<scalar>(low), static_cast<scalar>(high)}, x);
}
/// From 0 at -width / 2 to 1 at width / 2; see fn::smooth_step.
template <class B>
variable<B> smooth_step(const variable<B>& x, double width) {
  require(width > 0, "smooth_step: a width of ", width, "; it must be positive");
  return apply(fn::smooth_step<typename B::scalar>{static_cast<typename B::scalar>(width)}, x);
}
template <class B>
variable<B> normal_cdf(const variable<B>& x) {
  return apply(fn::normal_cdf{}, x);
}
/// 1 where x > 0, else 0; the gradient passes where the gate is open (a straight-through estimate).
template <class B>
variable<B> open_gate(const variable<B>& x) {
  return apply(fn::open_gate{}, x);
}

/// a + b.
template <class B>
variable<B> add(const variable<B>& a, const variable<B>& b) {
  detail::require_same_shape("add", a, b);
  matrix<B> y(a.rows(), a.cols());
  B::map(y.view(), 0, fn::plus{}, a.value().view(), b.value().view());
  return make_result(
      std::move(y),
      [a = a.without_value(), b = b.without_value()](const variable<B>& y) {
        if (a.needs_gradient()) a.add_gradient(y.gradient());
        if (b.needs_gradient()) b.add_gradient(y.gradient());
      },
      a, b);
}

/// a + b + c in one pass: a block's residual sum with two branches.
template <class B>
variable<B> add(const variable<B>& a, const variable<B>& b, const variable<B>& c) {
  detail::require_same_shape("add", a, b);
  detail::require_same_shape("add", a, c);
  matrix<B> y(a.rows(), a.cols());
  B::map(y.view(), 0, fn::plus{}, a.value().view(), b.value().view(), c.value().view());
  return make_result(
      std::move(y),
      [a = a.without_value(), b = b.without_value(), c = c.without_value()](const variable<B>& y) {
        for (const variable<B>* x : {&a, &b, &c})
          if (x->needs_gradient()) x->add_gradient(y.gradient());
      },
      a, b, c);
}

/// s x, for a number s.
template <class B>
variable<B> scale(const variable<B>& x, double s) {
  const fn::scaled<typename B::scalar> times{static_cast<typename B::scalar>(s)};
  matrix<B> y(x.rows(), x.cols());
  B::map(y.view(), 0, times, x.value().view());
  return make_result(
      std::move(y),
      [x = x.without_value(), times](const variable<B>& y) {
        const auto [to, beta] = x.sink();
        B::map(to->view(), beta, times, std::as_const(y.gradient()).view());
      },
      x);
}

template <class B>
variable<B> subtract(const variable<B>& a, const variable<B>& b) {
  return add(a, scale(b, -1));
}

/// a * b, element by element.
template <class B>
variable<B> multiply(const variable<B>& a, const variable<B>& b) {
  detail::require_same_shape("multiply", a, b);
  matrix<B> y(a.rows(), a.cols());
  B::map(y.view(), 0, fn::times{}, a.value().view(), b.value().view());
  return make_result(
      std::move(y),
      [a, b](const variable<B>& y) {
        const auto pull = [&](const variable<B>& to_whom, const variable<B>& other) {
          if (!to_whom.needs_gradient()) return;
          const auto [to, beta] = to_whom.sink();
          B::map(to->view(), beta, fn::times{}, std::as_const(y.gradient()).view(), other.value().view());
        };
        pull(a, b);
        pull(b, a);
      },
      a, b);
}

/// a / b, element by element.
///     da = dy / b      db = -dy y / b
template <class B>
variable<B> divide(const variable<B>& a, const variable<B>& b) {
  detail::require_same_shape("divide", a, b);
  matrix<B> y(a.rows(), a.cols());
  B::map(y.view(), 0, fn::over{}, a.value().view(), b.value().view());
  return make_result(
      std::move(y),
      [a = a.without_value(), b](const variable<B>& y, const matrix<B>& value) {
        const auto dy = std::as_const(y.gradient()).view();
        if (a.needs_gradient()) {
          const auto [to, beta] = a.sink();
          B::map(to->view(), beta, fn::over{}, dy, b.value().view());
        }
        if (b.needs_gradient()) {
          const auto [to, beta] = b.sink();
          B::map(to->view(), beta, fn::divisor_slope{}, dy, value.view(), b.value().view());
        }
      },
      a, b);
}

}  // namespace gmoe
