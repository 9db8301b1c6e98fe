#pragma once
/// Gradients against finite differences, as dear as the backend allows.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "backends.hpp"
#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe_test {

/// d loss / d p of every parameter along random signs, against a central difference along them. As strict as
/// check_gradients() with an element that is wrong, whose whole error it sees, at a few passes for each parameter
/// instead of two for each element; only errors that cancel along all of the signs escape it.
template <class B, class Loss>
gmoe::gradient_report differences_along_signs(const std::vector<gmoe::parameter<B>*>& parameters, const Loss& loss) {
  for (gmoe::parameter<B>* p : parameters) p->forget_gradient();
  const gmoe::detail::gradients_forgotten<B> forgotten{parameters};
  gmoe::tape<B> t;
  t.backward(loss(&t));
  gmoe::gradient_report report;
  for (gmoe::parameter<B>* p : parameters) {
    const std::vector<double> gradient = p->gradient().to_host(), values = p->value().to_host();
    const gmoe::detail::values_restored<B> restored{*p, values};
    for (const std::uint64_t direction : {1, 2}) {
      const gmoe::random_stream random = gmoe::random_stream(direction).fork(p->name());
      std::vector<double> signs(values.size());
      double slope = 0, largest = 1e-3;
      for (std::size_t i = 0; i < signs.size(); ++i) {
        signs[i] = random.below(i, 2) == 0 ? -1 : 1;
        slope += signs[i] * gradient[i];
        largest = std::max(largest, std::abs(gradient[i]));
      }
      const auto rise = [&](double h) {
        const auto at = [&](double offset) {
          std::vector<double> moved = values;
          for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += offset * signs[i];
          B::upload(p->value().data(), moved.data(), moved.size() * sizeof(double));
          return loss(nullptr).value().item();
        };
        return at(h) - at(-h);
      };
      constexpr double step = 3e-6;
      const double first = rise(step);
      double numeric = first / (2 * step);
      if (!(std::abs(slope - numeric) < 2e-8 * largest)) numeric = (8 * first - rise(2 * step)) / (12 * step);
      const double error = std::abs(slope - numeric) / largest;
      if (error > report.worst || !(error == error))
        report = {error, p->name() + ", signs " + std::to_string(direction), slope, numeric};
    }
  }
  return report;
}

/// Every gradient against central differences: element by element on Eigen; along signs on Thrust, where a pass of a
/// small model costs ten times as much and every element was taken on Eigen by the same test.
template <class B, class Loss>
gmoe::gradient_report differences_of(const std::vector<gmoe::parameter<B>*>& parameters, const Loss& loss) {
  return on_thrust() ? differences_along_signs<B>(parameters, loss) : gmoe::check_gradients<B>(parameters, loss);
}

}  // namespace gmoe_test
