#pragma once
/// Names the CPU backend without its kernels, for headers that only mention it.

#include "gmoe/backend/eigen/build_tag.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {
struct full_precision;
}

namespace gmoe::inline GMOE_CPU_BUILD {
template <class Scalar, class Products = eigen::full_precision>
struct cpu;
}
