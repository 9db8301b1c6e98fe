#pragma once
/// Finite differences against the tape's gradients.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gmoe/autograd/parameter.hpp"
#include "gmoe/autograd/tape.hpp"

namespace gmoe {

namespace detail {

/// Forgets the parameters' gradients when it goes.
template <class B>
struct gradients_forgotten {
  const std::vector<parameter<B>*>& of;
  ~gradients_forgotten() {
    for (parameter<B>* p : of) p->forget_gradient();
  }
};

/// Gives a parameter its values back when it goes.
template <class B>
struct values_restored {
  parameter<B>& of;
  const std::vector<typename B::scalar> values;
  ~values_restored() { B::upload(of.value().data(), values.data(), values.size() * sizeof(typename B::scalar)); }
};

}  // namespace detail

/// The worst disagreement that check_gradients() saw.
struct gradient_report {
  double worst = 0;  ///< |analytic - numeric| / the largest gradient entry of that parameter (at least 1e-3)
  std::string where;
  double analytic = 0, numeric = 0;
};

/// Compares d loss / d p for every element of every parameter with central differences. `loss(tape*)` builds the
/// 1 x 1 loss on the given tape, or without one. Parameters are as before afterwards, also if it throws, and have no
/// gradients. For double backends, away from ties and kinks.
template <class B, class Loss>
gradient_report check_gradients(const std::vector<parameter<B>*>& parameters, const Loss& loss, double step = 1e-5) {
  using scalar = typename B::scalar;
  for (parameter<B>* p : parameters) p->forget_gradient();
  const detail::gradients_forgotten<B> forgotten{parameters};
  tape<B> t;
  t.backward(loss(&t));

  gradient_report report;
  for (parameter<B>* p : parameters) {
    const std::vector<scalar> analytic = p->gradient().to_host();
    std::vector<scalar> values = p->value().to_host();
    const detail::values_restored<B> restored{*p, values};
    const auto write = [&] { B::upload(p->value().data(), values.data(), values.size() * sizeof(scalar)); };
    const auto rise = [&](std::size_t i, double h) {  // of the loss, from h below to h above
      const scalar kept = values[i];
      const auto at = [&](double offset) {
        values[i] = static_cast<scalar>(static_cast<double>(kept) + offset);
        write();
        return static_cast<double>(loss(nullptr).value().item());
      };
      const double difference = at(h) - at(-h);
      values[i] = kept;
      return difference;
    };
    std::vector<double> numeric(values.size());
    double largest = 1e-3;
    for (std::size_t i = 0; i < values.size(); ++i) {
      numeric[i] = rise(i, step) / (2 * step);
      largest = std::max({largest, std::abs(numeric[i]), std::abs(static_cast<double>(analytic[i]))});
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto disagreement = [&] { return std::abs(static_cast<double>(analytic[i]) - numeric[i]) / largest; };
      // Twice the passes only where the first difference leaves a doubt: the error of a smooth loss is below rounding
      // by the fourth order.
      if (!(disagreement() < 5e-9)) numeric[i] = (8 * (2 * step * numeric[i]) - rise(i, 2 * step)) / (12 * step);
      const double error = disagreement();
      if (error > report.worst || !(error == error))
        report = {error, p->name() + "[" + std::to_string(i) + "]", static_cast<double>(analytic[i]), numeric[i]};
    }
  }
  return report;
}

}  // namespace gmoe
