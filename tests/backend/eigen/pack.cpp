#include "gmoe/backend/eigen/pack.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "gmoe/core/functions.hpp"

using namespace gmoe;
using eigen::pack;

namespace {

/// Largest error in units in the last place of the exact result, over [low, high].
template <class S, class Packed, class Exact>
double worst_ulp(const Packed& packed, const Exact& exact, double low, double high) {
  double worst = 0;
  const int count = 20000;
  for (int i = 0; i < count; i += static_cast<int>(pack<S>::width)) {
    S x[pack<S>::width], y[pack<S>::width];
    for (int j = 0; j < pack<S>::width; ++j) x[j] = static_cast<S>(low + (high - low) * (i + j) / count);
    packed(pack<S>::load(x)).store(y);
    for (int j = 0; j < pack<S>::width; ++j) {
      const long double e = exact(static_cast<long double>(x[j]));
      const S rounded = static_cast<S>(e);
      const long double ulp = std::nextafter(std::abs(rounded), std::numeric_limits<S>::infinity()) - std::abs(rounded);
      worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(y[j]) - e) / ulp));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("backend/eigen/pack: loads and stores of whole and partial registers", S, float, double) {
  constexpr index_t width = pack<S>::width;
  std::vector<S> from(static_cast<std::size_t>(width)), to(static_cast<std::size_t>(width));
  for (index_t j = 0; j < width; ++j) from[static_cast<std::size_t>(j)] = static_cast<S>(j + 1);
  for (index_t part = 0; part < width; ++part) {
    std::fill(to.begin(), to.end(), S(-1));
    const pack<S> p = eigen::load(from.data(), part);
    const index_t count = part == 0 ? width : part;
    CHECK(p.sum() == static_cast<S>(count * (count + 1) / 2));  // the other lanes are zero
    CHECK(p.largest() == static_cast<S>(count));
    eigen::store(to.data(), p, part);
    for (index_t j = 0; j < width; ++j)
      CHECK(to[static_cast<std::size_t>(j)] == (j < count ? from[static_cast<std::size_t>(j)] : S(-1)));
  }
  for (index_t count = 0; count < 3 * width; ++count) {
    index_t seen = 0;
    eigen::for_packs<S>(count, [&](index_t j, index_t part) {
      CHECK(j == seen);
      seen += part == 0 ? width : part;
    });
    CHECK(seen == count);
  }
}

// What Eigen 3.4 keeps; AVX-512 is the least exact (its square root comes from a reciprocal estimate).
TEST_CASE("backend/eigen/pack: functions of float registers stay within a few units in the last place") {
  using p = pack<float>;
  using big = long double;
  CHECK(worst_ulp<float>([](p x) { return exp(x); }, [](big x) { return std::exp(x); }, -80, 88) <= 5);
  CHECK(worst_ulp<float>([](p x) { return log(x); }, [](big x) { return std::log(x); }, 1e-3, 100) <= 4);
  CHECK(worst_ulp<float>([](p x) { return tanh(x); }, [](big x) { return std::tanh(x); }, -12, 12) <= 8);
  CHECK(worst_ulp<float>([](p x) { return sqrt(x); }, [](big x) { return std::sqrt(x); }, 0, 100) <= 3);
  const auto exact = [](big x) { return 1 / (1 + std::exp(-x)); };
  CHECK(worst_ulp<float>([](p x) { return fn::sigmoid(x); }, exact, -80, 20) <= 6);
}

TEST_CASE("backend/eigen/pack: functions of double registers") {
  using p = pack<double>;
  using big = long double;
  CHECK(worst_ulp<double>([](p x) { return exp(x); }, [](big x) { return std::exp(x); }, -600, 600) <= 4);
  CHECK(worst_ulp<double>([](p x) { return log(x); }, [](big x) { return std::log(x); }, 1e-3, 100) <= 4);
  CHECK(worst_ulp<double>([](p x) { return tanh(x); }, [](big x) { return std::tanh(x); }, -12, 12) <= 4);
  CHECK(worst_ulp<double>([](p x) { return tanh(x); }, [](big x) { return std::tanh(x); }, -0.7, 0.7) <= 4);
  CHECK(worst_ulp<double>([](p x) { return tanh(x); }, [](big x) { return std::tanh(x); }, 1e-9, 2e-9) <= 4);
  const auto exact = [](big x) { return 1 / (1 + std::exp(-x)); };
  CHECK(worst_ulp<double>([](p x) { return fn::sigmoid(x); }, exact, -300, 20) <= 6);
}

TEST_CASE_TEMPLATE("backend/eigen/pack: the far tails saturate", S, float, double) {
  const auto at = [](auto f, double x) {
    S y[pack<S>::width];
    f(pack<S>(static_cast<S>(x))).store(y);
    return static_cast<double>(y[pack<S>::width - 1]);
  };
  const auto sigmoid = [](pack<S> x) { return fn::sigmoid(x); };
  const auto hyperbolic = [](pack<S> x) { return tanh(x); };
  const auto power = [](pack<S> x) { return exp(x); };
  CHECK(at(sigmoid, 1000) == 1);
  CHECK(at(sigmoid, -1000) < 1e-37);
  CHECK(at(sigmoid, -1000) >= 0);
  CHECK(at(hyperbolic, 1000) == doctest::Approx(1).epsilon(1e-6));
  CHECK(at(hyperbolic, -1000) == doctest::Approx(-1).epsilon(1e-6));
  CHECK(std::isnan(at(hyperbolic, std::numeric_limits<double>::quiet_NaN())));
  for (const double infinite : {1.0, -1.0})
    CHECK(at(hyperbolic, infinite * std::numeric_limits<double>::infinity()) ==
          doctest::Approx(infinite).epsilon(1e-6));
  CHECK(at(power, -1000) < 1e-37);
  CHECK(at(power, 0) == 1);
  const auto step_of = [](pack<S> x) { return step(x); };
  CHECK(at(step_of, 0) == 0);
  CHECK(at(step_of, -2) == 0);
  CHECK(at(step_of, 1e-30) == 1);
}
