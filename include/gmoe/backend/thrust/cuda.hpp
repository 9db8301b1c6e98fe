#pragma once
/// What the backend owns on a GPU: one stream, a cuBLAS handle per thread, and errors that name the failed call.
///
/// All work of a process goes to one stream of the device that was current at the first call, so a buffer can go back
/// to its pool while the GPU still uses it: whoever gets it next comes later in the same stream.

#include "gmoe/backend/thrust/system.hpp"

#if GMOE_ON_CUDA

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "gmoe/core/error.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Throws backend_error with the name of the failed call and the code unless it succeeded.
inline void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // an error that is reported must not turn up again in a later call
  throw backend_error(concat(call, " failed with CUDA error ", static_cast<int>(code), ", ", cudaGetErrorName(code),
                             ": ", cudaGetErrorString(code)));
}
inline void check(cublasStatus_t code, const char* call) {
  if (code == CUBLAS_STATUS_SUCCESS) return;
  throw backend_error(concat(call, " failed with cuBLAS status ", static_cast<int>(code), ", ",
                             cublasGetStatusName(code), ": ", cublasGetStatusString(code)));
}

/// The stream of all work. Never destroyed: buffers may outlive every static object.
inline cudaStream_t stream() {
  static const cudaStream_t the_stream = [] {
    cudaStream_t s = nullptr;
    check(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    return s;
  }();
  return the_stream;
}

/// Waits until the GPU has done everything it was asked for.
inline void wait() { check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize"); }

/// Whether products of floats may round their inputs to TF32 (10 bits of fraction) to use the tensor cores.
inline bool& tf32_allowed() {
  static bool allowed = false;
  return allowed;
}

/// The calling thread's cuBLAS handle, on stream().
inline cublasHandle_t cublas() {
  struct owner {
    cublasHandle_t handle = nullptr;
    owner() {
      check(cublasCreate(&handle), "cublasCreate");
      check(cublasSetStream(handle, stream()), "cublasSetStream");
    }
    ~owner() { cublasDestroy(handle); }
  };
  thread_local const owner mine;
  return mine.handle;
}

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM

#endif
