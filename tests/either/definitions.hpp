#pragma once
/// What either.hpp declares, for the files that compile it.

#include <vector>

#include "either/either.hpp"

namespace gmoe_test {

// clang-format off
#define GMOE_DEFINE(result, kernel, parameters, arguments)                     \
  template <class S>                                                           \
  auto either<S>::kernel parameters -> result {                                \
    return on_thrust() ? second::kernel arguments : first::kernel arguments;   \
  }
GMOE_EITHER_KERNELS(GMOE_DEFINE)
#undef GMOE_DEFINE
// clang-format on

template <class S>
void either<S>::gather_rows(out y, in x, ids id, const in* more, index_t offset, index_t period) {
  on_thrust() ? second::gather_rows(y, x, id, more, offset, period)
              : first::gather_rows(y, x, id, more, offset, period);
}

template <class S>
void either<S>::expert_weight_gradients(const gmoe::expert_view<S>& gradients, S beta,
                                        std::span<const weight_job> layers) {
  if (!on_thrust()) return first::expert_weight_gradients(gradients, beta, layers);
  std::vector<typename second::weight_job> jobs;
  for (const weight_job& job : layers)
    jobs.push_back({job.x, job.pair_dy, job.hidden, job.d_hidden, in_second(job.pairs)});
  second::expert_weight_gradients(gradients, beta, jobs);
}

}  // namespace gmoe_test
