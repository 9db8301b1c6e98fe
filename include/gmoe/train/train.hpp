#pragma once
/// Training in one call.

#include <span>

#include "gmoe/data/split.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/progress.hpp"
#include "gmoe/train/trainer.hpp"

namespace gmoe {

/// Splits `tokens` into a training and a validation part, trains, and returns the loss on the validation part.
/// `on_step(step_report)` is called after every step.
template <class Model, class Token, class OnStep>
evaluation train(Model& model, std::span<const Token> tokens, const recipe& how, const OnStep& on_step) {
  check_recipe(how);
  const token_split<Token> parts = split_tokens(tokens, how.sequence, how.validation_fraction);
  trainer run(model, parts.train, how);
  while (!run.finished()) on_step(run.step());
  return evaluate(model, parts.validation, how.sequence, how.batch);
}

/// The same, with a progress line on a terminal.
template <class Model, class Token>
evaluation train(Model& model, std::span<const Token> tokens, const recipe& how = {}) {
  progress_line progress(how.steps);
  return train(model, tokens, how, [&](const step_report& r) { progress.show(r); });
}

}  // namespace gmoe
