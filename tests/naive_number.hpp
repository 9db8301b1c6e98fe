#pragma once
/// Numbers that remember how they were computed: exact gradients of references written as plain loops.
///
/// One scalar per step, nothing shared with the library's tape. A gradient is cut with `constant(x)`.

#include <cmath>
#include <cstddef>
#include <vector>

namespace naive {

class number {
 public:
  number(double value = 0) : value_(value) {}
  /// A number whose derivative can be asked for.
  static number leaf(double value) { return number(value, {}, {}, 0, 0); }

  double value() const { return value_; }

  friend number operator+(const number& a, const number& b) { return {a.value_ + b.value_, a, b, 1, 1}; }
  friend number operator-(const number& a, const number& b) { return {a.value_ - b.value_, a, b, 1, -1}; }
  friend number operator*(const number& a, const number& b) { return {a.value_ * b.value_, a, b, b.value_, a.value_}; }
  friend number operator/(const number& a, const number& b) {
    return {a.value_ / b.value_, a, b, 1 / b.value_, -a.value_ / (b.value_ * b.value_)};
  }
  number& operator+=(const number& b) { return *this = *this + b; }

  /// f(x) with slope f'(x).
  static number of(const number& x, double f, double slope) { return {f, x, {}, slope, 0}; }

  /// Forgets everything; numbers made before must not be used any more.
  static void start() { steps().clear(); }
  /// d `result` / d every number made since start().
  static std::vector<double> derivatives(const number& result) {
    std::vector<double> d(steps().size(), 0.0);
    if (result.at_ < 0) return d;
    d[static_cast<std::size_t>(result.at_)] = 1;
    for (std::size_t i = d.size(); i-- > 0;) {
      const step& s = steps()[i];
      if (s.a >= 0) d[static_cast<std::size_t>(s.a)] += s.da * d[i];
      if (s.b >= 0) d[static_cast<std::size_t>(s.b)] += s.db * d[i];
    }
    return d;
  }
  /// Its entry in derivatives().
  std::size_t place() const { return static_cast<std::size_t>(at_); }

 private:
  struct step {
    std::ptrdiff_t a, b;
    double da, db;
  };
  number(double value, const number& a, const number& b, double da, double db)
      : value_(value), at_(static_cast<std::ptrdiff_t>(steps().size())) {
    steps().push_back({a.at_, b.at_, da, db});
  }
  static std::vector<step>& steps() {
    static std::vector<step> all;
    return all;
  }

  double value_;
  std::ptrdiff_t at_ = -1;  ///< a constant
};

inline number constant(const number& x) { return number(x.value()); }
inline number exp(const number& x) { return number::of(x, std::exp(x.value()), std::exp(x.value())); }
inline number log(const number& x) { return number::of(x, std::log(x.value()), 1 / x.value()); }
inline number sqrt(const number& x) { return number::of(x, std::sqrt(x.value()), 0.5 / std::sqrt(x.value())); }
inline number tanh(const number& x) {
  const double t = std::tanh(x.value());
  return number::of(x, t, 1 - t * t);
}
inline number relu(const number& x) { return x.value() > 0 ? x : number(0); }
inline number sigmoid(const number& x) { return number(1) / (number(1) + exp(number(0) - x)); }

using vec = std::vector<number>;
using mat = std::vector<vec>;

}  // namespace naive
