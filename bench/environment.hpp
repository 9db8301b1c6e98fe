#pragma once
/// What a figure depends on besides the code: processor, threads, what the compiler was allowed to use, settings.

#include <Eigen/Core>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/version.hpp"

namespace gmoe::bench {

inline std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

/// The widest instruction set that this program was compiled for.
inline std::string compiled_for() {
#if defined(__AVX512F__)
  return "AVX-512";
#elif defined(__AVX2__) && defined(__FMA__)
  return "AVX2 and FMA";
#elif defined(__AVX__)
  return "AVX";
#elif defined(__SSE2__)
  return "SSE2 only: a fraction of what most processors can do";
#elif defined(__ARM_NEON)
  return "NEON";
#else
  return "no vector instructions";
#endif
}

/// Name and value of everything worth printing above a table.
inline std::vector<std::pair<std::string, std::string>> environment() {
  const auto eigen = std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
                     std::to_string(EIGEN_MINOR_VERSION);
  std::vector<std::pair<std::string, std::string>> all {
    {"gmoe", version_string}, {"processor", processor_name()},
        {"processors", std::to_string(std::thread::hardware_concurrency())},
        {"threads", std::to_string(cpu<float>::threads())}, {"compiled_for", compiled_for()},
        {"eigen", eigen + ", " + Eigen::SimdInstructionSetsInUse()}, {"compiler", __VERSION__},
#if defined(NDEBUG)
        {"assertions", "off"},
#else
        {"assertions", "on: figures are too low"},
#endif
#if defined(_OPENMP)
        {"openmp", "on"},
#else
        {"openmp", "off: one thread"},
#endif
        {"products_by", eigen::gemm_provider},
  };
  for (const char* name : {"OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "OPENBLAS_CORETYPE"}) {
    const char* const value = std::getenv(name);
    all.emplace_back(name, value ? value : "unset");
  }
  return all;
}

}  // namespace gmoe::bench
