#pragma once
/// What a backend's part of a program offers to the rest.

#include <cstddef>
#include <memory>

#include "session.hpp"

namespace examples {

/// The sessions of one backend.
struct backend_sessions {
  const char* name;
  std::unique_ptr<session> (*make)(const session_setup&);
  std::size_t (*peak_memory)();
  void (*release_memory)();
};

// Each is there if its part is linked.
backend_sessions eigen_sessions();
backend_sessions thrust_sessions();
backend_sessions cuda_sessions();

}  // namespace examples
