#pragma once
/// Learning curves as L(C) = L_inf + A C^-a, and how much sooner one model gets where another one gets.

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// A loss that was reached at a cost: tokens, floating point operations, seconds.
struct curve_point {
  double cost = 0, loss = 0;
};

/// L(C) = limit + scale C^-exponent, as fitted to the points from `first` to `last`.
struct power_law {
  double limit = 0, scale = 0, exponent = 0;
  double residual = 0;         ///< root of the mean squared error, in units of the loss
  double first = 0, last = 0;  ///< the range of the costs; what is said outside is extrapolated
  index_t points = 0;

  double loss_at(double cost) const { return limit + scale * std::pow(cost, -exponent); }
  /// C = (A / (L - L_inf))^(1/a); nothing at or below the limit, which no cost reaches.
  std::optional<double> cost_of(double loss) const {
    if (loss <= limit) return std::nullopt;
    return std::pow(scale / (loss - limit), 1 / exponent);
  }
  bool covers(double cost) const { return first <= cost && cost <= last; }
};

namespace detail {

/// The best limit >= 0 and scale for a given exponent, by linear least squares; costs are measured in `unit`.
inline power_law best_power_law(std::span<const curve_point> points, double exponent, double unit) {
  double n = 0, g1 = 0, l1 = 0, gg = 0, gl = 0;
  const auto g = [&](const curve_point& p) { return std::pow(p.cost / unit, -exponent); };
  for (const curve_point& p : points) {
    n += 1;
    g1 += g(p);
    l1 += p.loss;
  }
  for (const curve_point& p : points) {
    gg += (g(p) - g1 / n) * (g(p) - g1 / n);
    gl += (g(p) - g1 / n) * (p.loss - l1 / n);
  }
  power_law law;
  law.exponent = exponent;
  law.scale = gl / gg;
  law.limit = (l1 - law.scale * g1) / n;
  if (law.limit < 0) {
    gg = gl = 0;
    for (const curve_point& p : points) {
      gg += g(p) * g(p);
      gl += g(p) * p.loss;
    }
    law.limit = 0;
    law.scale = gl / gg;
  }
  double squares = 0;
  for (const curve_point& p : points) squares += std::pow(p.loss - law.limit - law.scale * g(p), 2);
  law.residual = std::sqrt(squares / n);
  law.scale *= std::pow(unit, exponent);
  return law;
}

}  // namespace detail

/// The law that fits best in the sense of least squares, with limit >= 0 and an exponent from 0.01 to 10. Nothing where
/// there are fewer than four points of different cost, or where no falling curve of this form fits.
/// Throws data_error for a cost that is not positive or a loss that is not finite.
inline std::optional<power_law> fit_power_law(std::span<const curve_point> points) {
  std::vector<double> costs;
  double logs = 0;
  for (const curve_point& p : points) {
    require<data_error>(p.cost > 0 && std::isfinite(p.cost) && std::isfinite(p.loss), "fit_power_law: the point (",
                        p.cost, ", ", p.loss, "), expected a positive cost and a finite loss");
    costs.push_back(p.cost);
    logs += std::log(p.cost);
  }
  std::sort(costs.begin(), costs.end());
  costs.erase(std::unique(costs.begin(), costs.end()), costs.end());
  if (costs.size() < 4) return std::nullopt;
  const double unit = std::exp(logs / static_cast<double>(points.size()));  // keeps powers near 1
  const double lowest = std::log(0.01), step = std::log(1000.0) / 200;
  const auto at = [&](double x) { return detail::best_power_law(points, std::exp(x), unit); };

  // The best of 200 exponents, then thirds of its neighbourhood.
  int best = 0;
  for (int i = 1; i <= 200; ++i)
    if (at(lowest + i * step).residual < at(lowest + best * step).residual) best = i;
  if (best == 0 || best == 200) return std::nullopt;
  double low = lowest + (best - 1) * step, high = lowest + (best + 1) * step;
  for (int i = 0; i < 100; ++i) {
    const double third = (high - low) / 3;
    if (at(low + third).residual < at(high - third).residual)
      high -= third;
    else
      low += third;
  }
  power_law law = at((low + high) / 2);
  if (!(law.scale > 0)) return std::nullopt;
  law.first = costs.front();
  law.last = costs.back();
  law.points = std::ssize(points);
  return law;
}

/// How many times the cost of a point the baseline needs for the same loss.
struct effective_speedup {
  double factor = 1;
  double baseline_cost = 0;   ///< what its curve says
  bool extrapolated = false;  ///< that lies outside of what the curve was fitted to
};

/// Nothing where the baseline never gets there, as its curve has it.
inline std::optional<effective_speedup> speedup_over(const power_law& baseline, const curve_point& reached) {
  const auto cost = baseline.cost_of(reached.loss);
  if (!cost) return std::nullopt;
  return effective_speedup{*cost / reached.cost, *cost, !baseline.covers(*cost)};
}

}  // namespace gmoe
