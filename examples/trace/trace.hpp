#pragma once
/// Tracing a published checkpoint, on each backend that the program is built with.

#include <cstdint>
#include <filesystem>
#include <string>

namespace trace {

struct options {
  std::filesystem::path checkpoint, tokens, out;
  std::string scalar = "double", backend = "eigen";
  std::int64_t steps = 0;
};

/// Each is there if its part is linked. They throw gmoe::error.
void on_eigen(const options& o);
void on_thrust(const options& o);
void on_cuda(const options& o);

}  // namespace trace
