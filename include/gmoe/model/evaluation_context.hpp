#pragma once
/// How a model runs where it is not trained.

#include <cstdint>

#include "gmoe/core/random.hpp"
#include "gmoe/nn/context.hpp"

namespace gmoe {

/// A context for batch number `batch` of an evaluation: schedules see the step that the model has come to, and what
/// draws random numbers in evaluation too draws anew for every batch, and the same whenever that batch is evaluated.
template <class Model>
context<typename Model::backend_type> evaluation_context(const Model& model, index_t batch) {
  context<typename Model::backend_type> ctx;
  if constexpr (requires { model.step(); }) ctx.step = model.step();
  ctx.random = random_stream(0).fork("evaluation").fork(static_cast<std::uint64_t>(batch));
  return ctx;
}

}  // namespace gmoe
