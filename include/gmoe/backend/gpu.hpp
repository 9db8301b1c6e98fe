#pragma once
/// `gpu<Scalar>`: the Thrust backend where it is sure to be a GPU. Only for nvcc.

#if !defined(__CUDACC__)
#error "gmoe: gmoe/backend/gpu.hpp needs nvcc; a host compiler takes gmoe/backend/thrust.hpp and thrust_backend<Scalar>"
#else

#include "gmoe/backend/thrust.hpp"

namespace gmoe {

/// The GPU, through Thrust, CUB and cuBLAS.
template <class Scalar>
using gpu = thrust_backend<Scalar>;

}  // namespace gmoe

#endif
