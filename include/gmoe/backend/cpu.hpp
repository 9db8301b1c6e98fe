#pragma once
/// `cpu<Scalar>`: the backend on the processor, through Eigen. Float for work, double for gradient checks.

#if defined(__CUDACC__)
#error "gmoe: nvcc cannot compile the CPU backend; use it in files for the host compiler, and gmoe/backend/gpu.hpp here"
#endif

#include "gmoe/backend/contract.hpp"
#include "gmoe/backend/cpu_forward.hpp"
#include "gmoe/backend/eigen/attention.hpp"
#include "gmoe/backend/eigen/choose.hpp"
#include "gmoe/backend/eigen/cross_entropy.hpp"
#include "gmoe/backend/eigen/experts.hpp"
#include "gmoe/backend/eigen/gated_experts.hpp"
#include "gmoe/backend/eigen/gather.hpp"
#include "gmoe/backend/eigen/gemm.hpp"
#include "gmoe/backend/eigen/groups.hpp"
#include "gmoe/backend/eigen/gru.hpp"
#include "gmoe/backend/eigen/layer_norm.hpp"
#include "gmoe/backend/eigen/map.hpp"
#include "gmoe/backend/eigen/memory.hpp"
#include "gmoe/backend/eigen/optimizer.hpp"
#include "gmoe/backend/eigen/outer.hpp"
#include "gmoe/backend/eigen/random.hpp"
#include "gmoe/backend/eigen/reduce.hpp"
#include "gmoe/backend/eigen/routing.hpp"
#include "gmoe/backend/eigen/sequences.hpp"
#include "gmoe/backend/eigen/softmax.hpp"
#include "gmoe/backend/eigen/softmax_kinds.hpp"

namespace gmoe::inline GMOE_CPU_BUILD {

using eigen::full_precision;

/// Eigen on all cores (OpenMP where the compiler has it). Every kernel of contract.hpp, by file. `Products` says how
/// matrices are multiplied: in `Scalar`, or in bfloat16 (backend/bf16.hpp); all else is in `Scalar`.
template <class Scalar, class Products>
struct cpu : eigen::memory_kernels<Scalar>,
             eigen::gemm_kernels<Scalar, Products>,
             eigen::map_kernels<Scalar>,
             eigen::reduce_kernels<Scalar>,
             eigen::softmax_kernels<Scalar>,
             eigen::softmax_kind_kernels<Scalar>,
             eigen::sequence_kernels<Scalar>,
             eigen::outer_kernels<Scalar>,
             eigen::layer_norm_kernels<Scalar>,
             eigen::gru_kernels<Scalar>,
             eigen::gather_kernels<Scalar>,
             eigen::routing_kernels<Scalar>,
             eigen::choice_kernels<Scalar>,
             eigen::expert_kernels<Scalar, Products>,
             eigen::group_kernels<Scalar, Products>,
             eigen::gated_expert_kernels<Scalar, Products>,
             eigen::attention_kernels<Scalar>,
             eigen::cross_entropy_kernels<Scalar>,
             eigen::random_kernels<Scalar>,
             eigen::optimizer_kernels<Scalar> {
  static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>,
                "gmoe: cpu<Scalar> works in float or double");
  using scalar = Scalar;
  using memory = eigen::host_memory;
  static constexpr const char* name = "eigen";

  /// Threads used by all kernels of this process.
  static void set_threads(int count) { eigen::set_threads(count); }
  static int threads() { return eigen::threads(); }
};

static_assert(backend<cpu<float>> && backend<cpu<double>>);

}  // namespace gmoe::inline GMOE_CPU_BUILD
