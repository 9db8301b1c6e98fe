#pragma once
/// Formulas as named function objects: each is written once and used by every backend.
///
/// They are templates over a number type `T`, which may be a scalar or a backend's vector of scalars; so they use
/// arithmetic and the few functions below only, found by argument-dependent lookup for vectors: exp, log, tanh,
/// erfc, sqrt, abs, max, min, and step(x) = 1 where x > 0, else 0.
///
/// A differentiable formula offers `value(x)` and `slope(x, y)`, its derivative at x, where y = value(x). Lambdas are
/// not used for what a backend runs: a CUDA compiler would not take them onto the device.

#include <cmath>
#include <cstdint>

#include "gmoe/core/host_device.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe::fn {

using std::abs;
using std::erfc;
using std::exp;
using std::log;
using std::sqrt;
using std::tanh;

// The scalar forms of what <cmath> does not have in this shape. A NaN in the first argument stays, as it does in
// vectors: formulas put x there, and the number that bounds it second.
GMOE_HD inline float max(float a, float b) { return a < b ? b : a; }
GMOE_HD inline double max(double a, double b) { return a < b ? b : a; }
GMOE_HD inline float min(float a, float b) { return b < a ? b : a; }
GMOE_HD inline double min(double a, double b) { return b < a ? b : a; }
GMOE_HD inline float step(float x) { return x > 0 ? 1.0f : 0.0f; }
GMOE_HD inline double step(double x) { return x > 0 ? 1.0 : 0.0; }

/// 1 / (1 + exp(-x)), the logistic function, written so that it is accurate in both tails.
template <class T>
GMOE_HD T sigmoid(const T& x) {
  return T(1) / (T(1) + exp(-x));
}

// A formula a line: laid out by hand, to be read as a table.
// clang-format off

struct identity {
  template <class T> GMOE_HD T value(const T& x) const { return x; }
  template <class T> GMOE_HD T slope(const T&, const T&) const { return T(1); }
};

/// f.value(x) as a function to map over a matrix, and dy f.slope(x, y), what its gradient is multiplied with.
template <class F>
struct value_of {
  F f;
  template <class T> GMOE_HD T operator()(const T& x) const { return f.value(x); }
};
template <class F>
struct slope_of {
  F f;
  template <class T> GMOE_HD T operator()(const T& dy, const T& x, const T& y) const { return dy * f.slope(x, y); }
};

struct same {
  template <class T> GMOE_HD T operator()(const T& x) const { return x; }
};
struct plus {
  template <class T> GMOE_HD T operator()(const T& a, const T& b) const { return a + b; }
  template <class T> GMOE_HD T operator()(const T& a, const T& b, const T& c) const { return a + b + c; }
};
struct minus {
  template <class T> GMOE_HD T operator()(const T& a, const T& b) const { return a - b; }
};
struct times {
  template <class T> GMOE_HD T operator()(const T& a, const T& b) const { return a * b; }
};
struct over {
  template <class T> GMOE_HD T operator()(const T& a, const T& b) const { return a / b; }
};
/// -dy y / b: what the divisor of y = a / b gets.
struct divisor_slope {
  template <class T> GMOE_HD T operator()(const T& dy, const T& y, const T& b) const { return -dy * y / b; }
};
/// exp(x - shift): a probability from a logit and the row's log of the sum of exponentials.
struct exp_of_difference {
  template <class T> GMOE_HD T operator()(const T& x, const T& shift) const { return exp(x - shift); }
};
/// factor x.
template <class S>
struct scaled {
  S factor;
  template <class T> GMOE_HD T operator()(const T& x) const { return x * T(factor); }
};
/// a + factor b.
template <class S>
struct plus_scaled {
  S factor;
  template <class T> GMOE_HD T operator()(const T& a, const T& b) const { return a + b * T(factor); }
};
/// 1 / (x + epsilon).
template <class S>
struct inverse {
  S epsilon;
  template <class T> GMOE_HD T operator()(const T& x) const { return T(1) / (x + T(epsilon)); }
};
/// 1 / sqrt(x + epsilon).
template <class S>
struct inverse_root {
  S epsilon;
  template <class T> GMOE_HD T operator()(const T& x) const { return T(1) / sqrt(x + T(epsilon)); }
};
/// sqrt(x + epsilon).
template <class S>
struct root_of_sum {
  S epsilon;
  template <class T> GMOE_HD T operator()(const T& x) const { return sqrt(x + T(epsilon)); }
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

/// log(1 + exp(x)): a smooth relu.
struct softplus {
  template <class T> GMOE_HD T value(const T& x) const { return max(x, T(0)) + log(T(1) + exp(-abs(x))); }
  template <class T> GMOE_HD T slope(const T& x, const T&) const { return sigmoid(x); }
};

struct square_root {
  template <class T> GMOE_HD T value(const T& x) const { return sqrt(x); }
  template <class T> GMOE_HD T slope(const T&, const T& y) const { return T(0.5) / y; }
};

struct reciprocal {
  template <class T> GMOE_HD T value(const T& x) const { return T(1) / x; }
  template <class T> GMOE_HD T slope(const T&, const T& y) const { return -y * y; }
};

/// x log x, 0 at 0. Numbers below 1e-38 count as that in the logarithm, so that the slope is finite at 0 too.
struct x_log_x {
  template <class T> GMOE_HD T value(const T& x) const { return x * log(max(x, T(1.2e-38))); }
  template <class T> GMOE_HD T slope(const T& x, const T&) const { return log(max(x, T(1.2e-38))) + T(1); }
};

/// x between low and high, else the nearer of the two; no slope outside.
template <class S>
struct clamp {
  S low, high;
  template <class T> GMOE_HD T value(const T& x) const { return min(max(x, T(low)), T(high)); }
  template <class T> GMOE_HD T slope(const T& x, const T&) const { return step(x - T(low)) * step(T(high) - x); }
};

/// 0 up to -width / 2, 1 from width / 2, between them the cubic that joins smoothly: exactly 0 and 1 outside
/// (DSelect-k, Hazimeh et al., NeurIPS 2021).
template <class S>
struct smooth_step {
  S width;
  template <class T> GMOE_HD T value(const T& x) const {
    const T t = min(max(x / T(width) + T(0.5), T(0)), T(1));
    return t * t * (T(3) - T(2) * t);
  }
  template <class T> GMOE_HD T slope(const T& x, const T&) const {
    const T t = min(max(x / T(width) + T(0.5), T(0)), T(1));
    return T(6) * t * (T(1) - t) / T(width);
  }
};

/// P(X <= x) for X standard normal, accurate in both tails.
struct normal_cdf {
  template <class T> GMOE_HD T value(const T& x) const { return T(0.5) * erfc(T(-0.7071067811865476) * x); }
  template <class T> GMOE_HD T slope(const T& x, const T&) const {
    return T(0.3989422804014327) * exp(T(-0.5) * x * x);
  }
};

/// 1 where x > 0, else 0; its slope is taken to be the same: what is open passes its gradient on as it is.
struct open_gate {
  template <class T> GMOE_HD T value(const T& x) const { return step(x); }
  template <class T> GMOE_HD T slope(const T&, const T& y) const { return y; }
};

/// Entmax with alpha = 1.5 (Peters et al., ACL 2019), per element: max(z - tau, 0)^2, where z is half of what the logit
/// is below the row's largest. tau lies between -1 and 0, so that below -2 it does not matter how far; a NaN stays one.
struct entmax_input {
  template <class T> GMOE_HD T operator()(const T& x, const T& top) const { return max((x - top) / T(2), T(-2)); }
};
struct entmax_value {
  static constexpr int halvings = 30;  ///< of an interval of length 1, after which a wrong guess weighs 2^-60
  template <class T> GMOE_HD T operator()(const T& z, const T& tau) const { return max(z - tau, T(0)) * (z - tau); }
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

/// (a, b) turned by an angle: (a cos - b sin, b cos + a sin). Back with -sin.
struct rotation {
  template <class T> GMOE_HD T first(const T& a, const T& b, const T& cos, const T& sin) const { return a * cos - b * sin; }
  template <class T> GMOE_HD T second(const T& a, const T& b, const T& cos, const T& sin) const { return b * cos + a * sin; }
};

/// Softmax over a row, y = softmax(x), per element; `dot` is <dy, y>. Returns dx.
struct softmax_slope {
  template <class T> GMOE_HD T operator()(const T& y, const T& dy, const T& dot) const { return y * (dy - dot); }
};

/// Layer normalisation of a row, per element, from the row's mean and 1 / standard deviation.
struct layer_norm_step {
  template <class T> GMOE_HD T normalised(const T& x, const T& mean, const T& rstd) const { return (x - mean) * rstd; }
  /// dx, where g = dy gain, and its means over the row are those of g and g xhat.
  template <class T>
  GMOE_HD T slope(const T& xhat, const T& rstd, const T& g, const T& mean_g, const T& mean_gx) const {
    return rstd * (g - mean_g - xhat * mean_gx);
  }
};

/// Dropout's factor for a random word: 0 with `probability`, else 1 / (1 - probability).
template <class S>
struct dropout_factor {
  std::uint64_t threshold;
  S keep;
  GMOE_HD explicit dropout_factor(double probability)
      : threshold(static_cast<std::uint64_t>(probability * 4294967296.0)),
        keep(static_cast<S>(1.0 / (1.0 - probability))) {}
  GMOE_HD S operator()(std::uint32_t word) const { return word < threshold ? S(0) : keep; }
};

/// A random word as a number in [low, high).
template <class S>
struct uniform_between {
  S low, high;
  GMOE_HD S operator()(std::uint32_t word) const { return low + (high - low) * static_cast<S>(word * 0x1.0p-32); }
};

/// GShard's rule for a second choice of weight w: kept if 2 w > U, U uniform in [0, 1).
struct keeps_second_choice {
  template <class T> GMOE_HD bool operator()(const T& weight, double uniform) const {
    return !(2 * static_cast<double>(weight) <= uniform);  // a NaN is kept, and seen
  }
};

/// Whether a score is chosen before another: larger ones first, and a NaN before every number.
struct goes_before {
  template <class T> GMOE_HD bool operator()(const T& a, const T& b) const { return a > b || (a != a && b == b); }
};

/// The column on which a number u in [0, 1) falls, where each has its weight as its share: a draw from the row. The first
/// NaN, if there is one; no_choice if all weights are 0. Weights must not be negative, and need not sum to one.
struct column_drawn {
  template <class S> GMOE_HD id_type operator()(const S* weight, index_t count, double u) const {
    double total = 0, sum = 0;
    for (index_t j = 0; j < count; ++j) {
      if (weight[j] != weight[j]) return static_cast<id_type>(j);
      total += static_cast<double>(weight[j]);
    }
    id_type last = no_choice;
    for (index_t j = 0; j < count; ++j) {
      if (!(weight[j] > S(0))) continue;
      last = static_cast<id_type>(j);
      sum += static_cast<double>(weight[j]);
      if (sum > u * total) break;
    }
    return last;
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

// clang-format on

}  // namespace gmoe::fn
