#pragma once
/// `thrust_backend<Scalar>`: the backend through Thrust. nvcc compiles it for the GPU, a host compiler for one of
/// Thrust's host systems, on which the same kernels are tested where there is no GPU. Same files as backend/eigen/.

#include "gmoe/backend/contract.hpp"
#include "gmoe/backend/thrust/attention.hpp"
#include "gmoe/backend/thrust/choose.hpp"
#include "gmoe/backend/thrust/cross_entropy.hpp"
#include "gmoe/backend/thrust/experts.hpp"
#include "gmoe/backend/thrust/gated_experts.hpp"
#include "gmoe/backend/thrust/gather.hpp"
#include "gmoe/backend/thrust/gemm.hpp"
#include "gmoe/backend/thrust/groups.hpp"
#include "gmoe/backend/thrust/gru.hpp"
#include "gmoe/backend/thrust/layer_norm.hpp"
#include "gmoe/backend/thrust/map.hpp"
#include "gmoe/backend/thrust/memory.hpp"
#include "gmoe/backend/thrust/optimizer.hpp"
#include "gmoe/backend/thrust/outer.hpp"
#include "gmoe/backend/thrust/random.hpp"
#include "gmoe/backend/thrust/reduce.hpp"
#include "gmoe/backend/thrust/routing.hpp"
#include "gmoe/backend/thrust/sequences.hpp"
#include "gmoe/backend/thrust/softmax.hpp"
#include "gmoe/backend/thrust/softmax_kinds.hpp"

namespace gmoe {
inline namespace GMOE_THRUST_SYSTEM {

/// Thrust on the device system that this translation unit is compiled for. Every kernel of contract.hpp, by file.
template <class Scalar>
struct thrust_backend : on_thrust::memory_kernels<Scalar>,
                        on_thrust::gemm_kernels<Scalar>,
                        on_thrust::map_kernels<Scalar>,
                        on_thrust::reduce_kernels<Scalar>,
                        on_thrust::softmax_kernels<Scalar>,
                        on_thrust::softmax_kind_kernels<Scalar>,
                        on_thrust::sequence_kernels<Scalar>,
                        on_thrust::outer_kernels<Scalar>,
                        on_thrust::layer_norm_kernels<Scalar>,
                        on_thrust::gru_kernels<Scalar>,
                        on_thrust::gather_kernels<Scalar>,
                        on_thrust::routing_kernels<Scalar>,
                        on_thrust::choice_kernels<Scalar>,
                        on_thrust::expert_kernels<Scalar>,
                        on_thrust::group_kernels<Scalar>,
                        on_thrust::gated_expert_kernels<Scalar>,
                        on_thrust::attention_kernels<Scalar>,
                        on_thrust::cross_entropy_kernels<Scalar>,
                        on_thrust::random_kernels<Scalar>,
                        on_thrust::optimizer_kernels<Scalar> {
  static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>,
                "gmoe: thrust_backend<Scalar> works in float or double");
  using scalar = Scalar;
  using memory = typename on_thrust::memory_kernels<Scalar>::memory;

  static constexpr const char* name = on_thrust::system_name;

#if GMOE_ON_CUDA
  /// Lets products of floats round their inputs to TF32, which the tensor cores multiply several times faster. For the
  /// whole process; off at first.
  static void allow_tf32(bool allowed) { on_thrust::tf32_allowed() = allowed; }
  /// Waits until the GPU has done everything it was asked for, for timing. On the host there is nothing to wait for.
  static void wait() { on_thrust::wait(); }
#else
  static void wait() {}
#endif
};

static_assert(backend<thrust_backend<float>> && backend<thrust_backend<double>>);

}  // namespace GMOE_THRUST_SYSTEM
}  // namespace gmoe
