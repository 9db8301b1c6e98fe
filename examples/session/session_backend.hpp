#pragma once
/// The backend that the files of this folder are compiled for: Eigen, or Thrust with EXAMPLES_THRUST (by nvcc: on the
/// GPU).

#include "backend_sessions.hpp"

#if defined(EXAMPLES_THRUST)
#include "gmoe/backend/thrust.hpp"
#else
#include "gmoe/backend/cpu.hpp"
#endif

namespace examples {

#if defined(EXAMPLES_THRUST)
using backend = gmoe::thrust_backend<float>;
#else
using backend = gmoe::cpu<float>;
#endif

}  // namespace examples
