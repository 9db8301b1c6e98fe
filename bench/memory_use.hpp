#pragma once
/// Memory of the process and of the library's pool. Allocations are counted where counted_allocations.hpp is included.

#include <atomic>
#include <cstddef>
#include <fstream>
#include <string>

#include "gmoe/backend/cpu.hpp"

namespace gmoe::bench {

/// The largest resident size of this process in bytes since its start or the last reset; 0 where /proc has no answer.
inline std::size_t peak_resident_bytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}
inline void reset_peak_resident() { std::ofstream("/proc/self/clear_refs") << "5"; }

inline pool<eigen::host_memory>& host_pool() { return pool<eigen::host_memory>::instance(); }

}  // namespace gmoe::bench
