#pragma once
/// Formulas as named function objects: each is written once and used by every backend.
///
/// They are templates over a number type `T`, which may be a scalar or a backend's vector of scalars; so they use
/// arithmetic and the few functions below only, found by argument-dependent lookup for vectors: exp, log, tanh,
/// sqrt, abs, max, min, and step(x) = 1 where x > 0, else 0.
///
/// A differentiable formula offers `value(x)` and `slope(x, y)`, its derivative at x, where y = value(x).

#include <cmath>

#include "gmoe/core/host_device.hpp"

namespace gmoe::fn {

using std::abs;
using std::exp;
using std::log;
using std::sqrt;
using std::tanh;

// The scalar forms of what <cmath> does not have in this shape.
GMOE_HD inline float max(float a, float b) { return a > b ? a : b; }
GMOE_HD inline double max(double a, double b) { return a > b ? a : b; }
GMOE_HD inline float min(float a, float b) { return a < b ? a : b; }
GMOE_HD inline double min(double a, double b) { return a < b ? a : b; }
GMOE_HD inline float step(float x) { return x > 0 ? 1.0f : 0.0f; }
GMOE_HD inline double step(double x) { return x > 0 ? 1.0 : 0.0; }

/// 1 / (1 + exp(-x)), the logistic function, written so that it is accurate in both tails.
template <class T>
GMOE_HD T sigmoid(const T& x) {
  return T(1) / (T(1) + exp(-x));
}

struct identity {
  template <class T> GMOE_HD T value(const T& x) const { return x; }
  template <class T> GMOE_HD T slope(const T&, const T&) const { return T(1); }
};

struct relu {
  template <class T> GMOE_HD T value(const T& x) const { return max(x, T(0)); }
  template <class T> GMOE_HD T slope(const T& x, const T&) const { return step(x); }
};

struct logistic {
  template <class T> GMOE_HD T value(const T& x) const { return sigmoid(x); }
  template <class T> GMOE_HD T slope(const T&, const T& y) const { return y * (T(1) - y); }
};

struct hyperbolic_tangent {
  template <class T> GMOE_HD T value(const T& x) const { return tanh(x); }
  template <class T> GMOE_HD T slope(const T&, const T& y) const { return T(1) - y * y; }
};

/// x * sigmoid(x).
struct silu {
  template <class T> GMOE_HD T value(const T& x) const { return x * sigmoid(x); }
  template <class T> GMOE_HD T slope(const T& x, const T& y) const {
    const T s = sigmoid(x);
    return s + y * (T(1) - s);
  }
};

/// GPT-2's GELU ("gelu_new"): x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
struct gelu {
  template <class T> GMOE_HD T value(const T& x) const { return T(0.5) * x * (T(1) + tanh(inner(x))); }
  template <class T> GMOE_HD T slope(const T& x, const T&) const {
    const T t = tanh(inner(x));
    const T inner_slope = T(0.7978845608028654) * (T(1) + T(3 * 0.044715) * x * x);
    return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * inner_slope;
  }

 private:
  template <class T> GMOE_HD static T inner(const T& x) {
    return T(0.7978845608028654) * (x + T(0.044715) * x * x * x);
  }
};

struct exponential {
  template <class T> GMOE_HD T value(const T& x) const { return exp(x); }
  template <class T> GMOE_HD T slope(const T&, const T& y) const { return y; }
};

struct natural_log {
  template <class T> GMOE_HD T value(const T& x) const { return log(x); }
  template <class T> GMOE_HD T slope(const T& x, const T&) const { return T(1) / x; }
};

struct square {
  template <class T> GMOE_HD T value(const T& x) const { return x * x; }
  template <class T> GMOE_HD T slope(const T& x, const T&) const { return x + x; }
};

/// One step of a gated recurrent unit, per element (Cho et al. 2014; gate order and reset form of cuDNN/PyTorch):
///     r = sigmoid(a_r)   u = sigmoid(a_u)   n = tanh(a_n + r v)   h' = (1 - u) n + u h
/// where a_* are the gates' input sums and v = W_hn h + b_hn.
struct gru_step {
  template <class T> struct gates { T r, u, n, h; };
  template <class T> GMOE_HD gates<T> value(const T& a_r, const T& a_u, const T& a_n, const T& v, const T& h) const {
    const T r = sigmoid(a_r);
    const T u = sigmoid(a_u);
    const T n = tanh(a_n + r * v);
    return {r, u, n, (T(1) - u) * n + u * h};
  }
  template <class T> struct gradients { T a_r, a_u, a_n, v, h; };
  /// From dh' to the gradients of the five inputs.
  template <class T>
  GMOE_HD gradients<T> slope(const T& dh, const T& r, const T& u, const T& n, const T& v, const T& h) const {
    const T d_n = dh * (T(1) - u) * (T(1) - n * n);
    const T d_r = d_n * v * r * (T(1) - r);
    const T d_u = dh * (h - n) * u * (T(1) - u);
    return {d_r, d_u, d_n, d_n * r, dh * u};
  }
};

/// AdamW (Loshchilov & Hutter, ICLR 2019) for one element; the coefficients are those of one step.
template <class T>
struct adamw_step {
  T decay;                  ///< 1 - learning_rate * weight_decay
  T beta1, beta2;
  T step_size;              ///< learning_rate / (1 - beta1^t)
  T inverse_root_bias2;     ///< 1 / sqrt(1 - beta2^t)
  T epsilon;
  T gradient_scale;         ///< clipping and averaging, applied to the gradient first
  template <class V> GMOE_HD void operator()(V& p, V& m, V& v, const V& gradient) const {
    const V g = gradient * V(gradient_scale);
    m = V(beta1) * m + V(T(1) - beta1) * g;
    v = V(beta2) * v + V(T(1) - beta2) * g * g;
    p = p * V(decay) - V(step_size) * m / (sqrt(v) * V(inverse_root_bias2) + V(epsilon));
  }
};

}  // namespace gmoe::fn
