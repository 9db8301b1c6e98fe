#pragma once
/// Names the Thrust backend without its kernels, for those that are composed of others of its kernels.

#include "gmoe/backend/thrust/system.hpp"

namespace gmoe {
inline namespace GMOE_THRUST_SYSTEM {
template <class Scalar>
struct thrust_backend;
}
}  // namespace gmoe
