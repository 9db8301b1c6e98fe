#pragma once
/// How a model is trained: the numbers.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/train/schedule.hpp"

namespace gmoe {

/// A training run. The same recipe, seed and number of threads give the same bits.
struct recipe {
  std::int64_t steps = 600;      ///< optimiser steps
  index_t batch = 16;            ///< sequences per forward pass
  index_t sequence = 128;        ///< tokens per sequence
  index_t accumulation = 1;      ///< forward passes per optimiser step, their gradients averaged
  double learning_rate = 1e-3;   ///< peak; the paper's models use 3e-4
  double warmup_fraction = 0.1;  ///< of the steps
  double final_fraction = 0.0;   ///< of the peak rate at the end
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
  double weight_decay = 0.1;         ///< on every parameter
  double clip_norm = 1.0;            ///< global norm of the gradient; 0: no clipping
  double validation_fraction = 0.1;  ///< of the text, at its end
  std::uint64_t seed = 42;

  cosine_schedule schedule() const {
    return {learning_rate, static_cast<std::int64_t>(warmup_fraction * static_cast<double>(steps)), steps,
            final_fraction};
  }
};

/// Visits every field by name: visit("steps", value).
template <class Recipe>
void each_field(Recipe& r, auto&& visit) requires requires {
  r.accumulation;
}
{
  visit("steps", r.steps);
  visit("batch", r.batch);
  visit("sequence", r.sequence);
  visit("accumulation", r.accumulation);
  visit("learning_rate", r.learning_rate);
  visit("warmup_fraction", r.warmup_fraction);
  visit("final_fraction", r.final_fraction);
  visit("beta1", r.beta1);
  visit("beta2", r.beta2);
  visit("epsilon", r.epsilon);
  visit("weight_decay", r.weight_decay);
  visit("clip_norm", r.clip_norm);
  visit("validation_fraction", r.validation_fraction);
  visit("seed", r.seed);
}

/// Throws config_error naming the first number that makes no sense.
inline void check_recipe(const recipe& r) {
  const auto finite = [](double v, const char* name) {
    require(std::isfinite(v), name, " is ", v, ", expected a finite number");
  };
  require(r.steps >= 0, "steps is ", r.steps, ", expected 0 or more");
  require(r.batch >= 1, "batch is ", r.batch, ", expected at least 1");
  require(r.sequence >= 1, "sequence is ", r.sequence, ", expected at least 1");
  require(r.accumulation >= 1, "accumulation is ", r.accumulation, ", expected at least 1");
  constexpr index_t limit = index_t{1} << 31;
  for (const auto& [n, name] : {std::pair{r.batch, "batch"}, {r.sequence, "sequence"}})
    require(n < limit, name, " is ", n, ", expected at most ", limit - 1);
  index_t windows = 0;  // that a run draws, all in all: they are numbered
  require(!__builtin_mul_overflow(r.accumulation, std::max<index_t>(r.steps, 1), &windows) &&
              !__builtin_mul_overflow(windows, r.batch, &windows),
          "steps * accumulation * batch = ", r.steps, " * ", r.accumulation, " * ", r.batch, " is too large");
  finite(r.learning_rate, "learning_rate");
  require(r.learning_rate > 0, "learning_rate is ", r.learning_rate, ", expected a positive number");
  require(r.warmup_fraction >= 0 && r.warmup_fraction <= 1, "warmup_fraction is ", r.warmup_fraction,
          ", expected [0, 1]");
  require(r.final_fraction >= 0 && r.final_fraction <= 1, "final_fraction is ", r.final_fraction, ", expected [0, 1]");
  require(r.beta1 >= 0 && r.beta1 < 1 && r.beta2 >= 0 && r.beta2 < 1, "beta1 and beta2 are ", r.beta1, " and ", r.beta2,
          ", expected [0, 1)");
  finite(r.epsilon, "epsilon");
  require(r.epsilon > 0, "epsilon is ", r.epsilon, ", expected a positive number");
  finite(r.weight_decay, "weight_decay");
  require(r.weight_decay >= 0, "weight_decay is ", r.weight_decay, ", expected 0 or more");
  finite(r.clip_norm, "clip_norm");
  require(r.clip_norm >= 0, "clip_norm is ", r.clip_norm, ", expected a positive number, or 0 for no clipping");
}

}  // namespace gmoe
