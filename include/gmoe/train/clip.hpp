#pragma once
/// Clipping by global norm (Pascanu et al. 2013).

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "gmoe/autograd/parameter.hpp"

namespace gmoe {

/// Euclidean norm of all gradients together, each parameter once.
template <class B>
double global_norm(const std::vector<parameter<B>*>& parameters) {
  double squares = 0;
  for (parameter<B>* p : parameters)
    if (p->has_gradient()) squares += B::sum_of_squares(std::as_const(p->gradient()).view());
  return std::sqrt(squares);
}

/// The factor min(1, limit / (norm + 1e-6)) that brings gradients of this norm to at most `limit`.
inline double clipping_factor(double norm, double limit) { return std::min(1.0, limit / (norm + 1e-6)); }

}  // namespace gmoe
