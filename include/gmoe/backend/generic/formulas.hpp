#pragma once
/// Formulas that only compositions need: parts of fused steps of core/functions.hpp, and steps between them.

#include "gmoe/core/functions.hpp"
#include "gmoe/core/gated_unit.hpp"
#include "gmoe/core/host_device.hpp"

namespace gmoe::generic {

// A formula a line: laid out by hand, to be read as a table.
// clang-format off

/// A finite number near x, to be subtracted from numbers that may be infinite.
template <class S>
struct finite {
  S most;
  template <class T> GMOE_HD T operator()(const T& x) const { using namespace fn; return max(min(x, T(most)), T(-most)); }
};
struct log_of {
  template <class T> GMOE_HD T operator()(const T& x) const { using namespace fn; return log(x); }
};
/// x where `there` is 1, minus infinity where it is 0.
struct only_there {
  template <class T> GMOE_HD T operator()(const T& x, const T& there) const { using namespace fn; return x + log(there); }
};
struct is_above_zero {
  template <class T> GMOE_HD T operator()(const T& x) const { using namespace fn; return step(x); }
};
/// x where the mask is above 0, else 0.
struct times_step {
  template <class T> GMOE_HD T operator()(const T& x, const T& mask) const { using namespace fn; return x * step(mask); }
};
/// 1 where fn::goes_before(x, limit): larger ones, and what is not a number.
template <class S>
struct is_before {
  S limit;
  template <class T> GMOE_HD T operator()(const T& x) const {
    using namespace fn;
    return step(x - T(limit)) + T(1) - step(abs(x) + T(1));
  }
};
/// 0 where something was chosen before and the sum of that is above the limit, else 1.
template <class S>
struct finds_room {
  S limit;
  template <class T> GMOE_HD T operator()(const T& sum, const T& before) const {
    using namespace fn;
    return T(1) - step(sum - T(limit)) * step(before);
  }
};
/// The share of a in b, 0 of 0.
struct share_of {
  template <class T> GMOE_HD T operator()(const T& a, const T& b) const { using namespace fn; return a * (T(1) / max(b, T(1))); }
};
/// `now` where something is there (1), else what was before.
struct replaced {
  template <class T> GMOE_HD T operator()(const T& before, const T& there, const T& now) const {
    return there * now + (T(1) - there) * before;
  }
};

/// Where an entmax's tau lies, by halving; and the root of the quadratic.
struct middle {
  template <class T> GMOE_HD T operator()(const T& low, const T& high) const { return (low + high) / T(2); }
};
struct raised {  // the lower end
  template <class T> GMOE_HD T operator()(const T& low, const T& tau, const T& sum) const {
    using namespace fn;
    return low + step(sum - T(1)) * (tau - low);
  }
};
struct lowered {  // the upper end
  template <class T> GMOE_HD T operator()(const T& high, const T& tau, const T& sum) const {
    using namespace fn;
    return tau + step(sum - T(1)) * (high - tau);
  }
};
struct above {
  template <class T> GMOE_HD T operator()(const T& x, const T& limit) const { using namespace fn; return step(x - limit); }
};
struct entmax_root {
  template <class T> GMOE_HD T operator()(const T& mean, const T& squares, const T& count) const {
    using namespace fn;
    return mean - sqrt(max(T(0), (T(1) - squares) / count));
  }
};

/// The parts of fn::gru_step, of which each is a map of its own.
struct gru_u {
  template <class T> GMOE_HD T operator()(const T& dh, const T& r, const T& u, const T& n, const T& h) const {
    return fn::gru_step{}.slope(dh, r, u, n, T(0), h).a_u;
  }
};
struct gru_r {
  template <class T> GMOE_HD T operator()(const T& dh, const T& r, const T& u, const T& n, const T& v) const {
    return fn::gru_step{}.slope(dh, r, u, n, v, T(0)).a_r;
  }
};
struct gru_n {
  template <class T> GMOE_HD T operator()(const T& dh, const T& u, const T& n) const {
    return fn::gru_step{}.slope(dh, T(0), u, n, T(0), T(0)).a_n;
  }
};
struct gru_candidate {
  template <class T> GMOE_HD T operator()(const T& a_n, const T& r, const T& v) const { using namespace fn; return tanh(a_n + r * v); }
};
struct gru_mix {
  template <class T> GMOE_HD T operator()(const T& u, const T& n, const T& h) const { return (T(1) - u) * n + u * h; }
};

/// The parts of fn::adamw_step.
template <class S>
struct adamw_value {
  fn::adamw_step<S> step;
  template <class T> GMOE_HD T operator()(T p, T m, T v, const T& gradient) const { step(p, m, v, gradient); return p; }
};
template <class S>
struct adamw_first {
  fn::adamw_step<S> step;
  template <class T> GMOE_HD T operator()(T m, const T& gradient) const { T p(0), v(0); step(p, m, v, gradient); return m; }
};
template <class S>
struct adamw_second {
  fn::adamw_step<S> step;
  template <class T> GMOE_HD T operator()(T v, const T& gradient) const { T p(0), m(0); step(p, m, v, gradient); return v; }
};

/// The parts of fn::gated_unit.
template <class Activation>
struct gated_slope {
  fn::gated_unit<Activation> unit;
  template <class T> GMOE_HD T operator()(const T& dh, const T& a, const T& b) const { return unit.slope(dh, a, b).da; }
};
template <class Activation>
struct linear_slope {
  fn::gated_unit<Activation> unit;
  template <class T> GMOE_HD T operator()(const T& dh, const T& a) const { return unit.slope(dh, a, T(0)).db; }
};

// clang-format on

}  // namespace gmoe::generic
