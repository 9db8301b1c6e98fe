#pragma once
/// The backends that the tests of floors 2 to 7 and the golden cases run on, in one place, and how exact they are.
///
///     TEST_CASE_TEMPLATE("backend/gemm: ...", B, GMOE_TEST_BACKENDS) { ... }
///
/// Tests reach a backend's memory through upload, from_host and to_host only.

#include <type_traits>

#include "gmoe/core/index.hpp"

// Where Thrust is, tests of what is built on backends are compiled for a choice between the two, and run on each; by
// nvcc they are compiled for Thrust alone, as those of the backends themselves are by every compiler: one device system
// per program. Some are compiled for a backend of the short list alone, whose other kernels are compositions.
#if defined(GMOE_TEST_SHORT_LIST)
#include "short_list/short_list.hpp"
#define GMOE_TEST_BACKEND gmoe_test::short_list
#elif defined(GMOE_TEST_THRUST)
#include "gmoe/backend/thrust.hpp"
#define GMOE_TEST_BACKEND gmoe::thrust_backend
#elif defined(GMOE_TEST_EITHER)
#include "either/either.hpp"
#define GMOE_TEST_BACKEND gmoe_test::either
#else
#include "gmoe/backend/cpu.hpp"
#define GMOE_TEST_BACKEND gmoe::cpu
#endif

/// Every backend in every precision.
#define GMOE_TEST_BACKENDS GMOE_TEST_BACKEND<float>, GMOE_TEST_BACKEND<double>
/// For tests of what is made of operations, which is the same code in every precision: in double alone. In float,
/// models of all cards are held against their equations.
#define GMOE_TEST_MODULE_BACKENDS GMOE_TEST_BACKEND<double>
/// Those in double, for finite differences.
#define GMOE_TEST_DOUBLE_BACKENDS GMOE_TEST_BACKEND<double>

namespace gmoe_test {

#if defined(GMOE_TEST_THRUST)
constexpr bool on_thrust() { return true; }
#elif !defined(GMOE_TEST_EITHER)  // there the environment says so
constexpr bool on_thrust() { return false; }
#endif

/// Allowed error of a kernel, relative to the largest entry of the exact result: some hundred roundings.
template <class B>
inline constexpr double tolerance = std::is_same_v<typename B::scalar, float> ? 1e-5 : 1e-13;

/// So many rows that a backend with threads cuts them; few on a team of threads for each row, where a row is as slow as
/// threads are to wait for each other.
constexpr gmoe::index_t many_rows(gmoe::index_t count) {
#if defined(GMOE_THREADS_PER_ROW)
  return count < 8 ? count : 8;
#else
  return count;
#endif
}

/// Runs `f` with 1 and with 2 threads, where a backend lets itself be told.
template <class B, class F>
void with_threads(const F& f) {
  if constexpr (requires { B::set_threads(B::threads()); }) {
    const int before = B::threads();
    for (int count : {1, 2}) {
      B::set_threads(count);
      f();
    }
    B::set_threads(before);
  } else {
    f();
  }
}

}  // namespace gmoe_test
