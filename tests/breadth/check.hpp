#pragma once
/// Policies as a user writes them, in whole models: gradients against differences.

#include <set>
#include <span>
#include <string>
#include <vector>

#include "gmoe/ops.hpp"
#include "moe_checks.hpp"

namespace gmoe_test {

/// What policies are told after a step of one pass.
template <class Model>
gmoe::step_statistics<model_backend> one_pass(const Model& model) {
  gmoe::step_statistics<model_backend> seen;
  seen.add(losses_of(model, text(2, 5, model.shape().vocab), true).found);
  return seen;
}

/// Every gradient of a small model of the card in training, away from its first weights. Returns what one pass found.
template <class Card>
gmoe::findings<model_backend> check_gradients_of(const Card& card = {}, gmoe::sizes s = small_sizes()) {
  s.layers = 2;
  gmoe::language_model<Card, model_backend> model(s, card);
  randomise(model, 3);
  const text t(2, 5, s.vocab);
  const gmoe::gradient_report report = differences(model, t, true);
  INFO(report.where, ": ", report.analytic, " by the tape, ", report.numeric, " by differences");
  CHECK(report.worst < 1e-6);
  return losses_of(model, t, true).found;
}

}  // namespace gmoe_test
