#pragma once
/// How a model is trained: the numbers.

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

#include "gmoe/core/error.hpp"
#include "gmoe/core/field.hpp"
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

  static constexpr auto fields = std::tuple{
      field{"steps", &recipe::steps, "optimiser steps", at_least(0)},
      field{"batch", &recipe::batch, "sequences per forward pass", at_least(1)},
      field{"sequence", &recipe::sequence, "tokens per sequence; at most positions", at_least(1)},
      field{"accumulation", &recipe::accumulation, "forward passes per step, their gradients averaged", at_least(1)},
      field{"learning_rate", &recipe::learning_rate, "highest learning rate; the paper's models use 3e-4", above(0)},
      field{"warmup_fraction", &recipe::warmup_fraction, "share of the steps in which the rate grows from 0",
            between(0, 1)},
      field{"final_fraction", &recipe::final_fraction, "learning rate at the end, as a share of the highest",
            between(0, 1)},
      field{"beta1", &recipe::beta1, "AdamW's decay of the first moment", below(0, 1)},
      field{"beta2", &recipe::beta2, "AdamW's decay of the second moment", below(0, 1)},
      field{"epsilon", &recipe::epsilon, "AdamW's addition to roots", above(0)},
      field{"weight_decay", &recipe::weight_decay, "AdamW's decay of every parameter", at_least(0)},
      field{"clip_norm", &recipe::clip_norm, "largest norm of the whole gradient; 0 never clips", at_least(0)},
      field{"validation_fraction", &recipe::validation_fraction,
            "share of the text, at its end, that is kept for validation"},
      field{"seed", &recipe::seed, "of initial weights, order of the data, and dropout"}};
};

/// Throws config_error naming the first number that makes no sense.
inline void check_recipe(const recipe& r) {
  each_field(r, [](const auto& f, const auto& v) { check_field(f, f.name, v); });
  constexpr index_t limit = index_t{1} << 31;
  for (const auto& [n, name] : {std::pair{r.batch, "batch"}, {r.sequence, "sequence"}})
    require(n < limit, name, " is ", n, ", expected at most ", limit - 1);
  index_t windows = 0;  // that a run draws, all in all: they are numbered
  require(!__builtin_mul_overflow(r.accumulation, std::max<index_t>(r.steps, 1), &windows) &&
              !__builtin_mul_overflow(windows, r.batch, &windows),
          "steps * accumulation * batch = ", r.steps, " * ", r.accumulation, " * ", r.batch, " is too large");
}

}  // namespace gmoe
