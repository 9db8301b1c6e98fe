#pragma once
/// Threads that wait for each other give their core away soon, as long as the environment does not say otherwise.

#include <unistd.h>

#include <climits>
#include <cstdlib>

namespace examples {

/// GCC's OpenMP lets a thread that waits spin for milliseconds before it sleeps. While other programs want the cores,
/// it then burns the time slice in which the thread that it waits for could have run, and two threads are several
/// times slower than one. The runtime reads how long to spin before `main` begins, so the program starts itself once
/// more with a setting of about 50 microseconds: longer than the usual wait on a machine of its own, and far shorter
/// than a time slice. Does nothing if GOMP_SPINCOUNT or OMP_WAIT_POLICY is set, which also ends the second start, or
/// if the program cannot be started again. To be called first in `main`.
inline void give_way_while_waiting([[maybe_unused]] char** argv) {
#if defined(_OPENMP) && defined(__linux__)
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  // Not "/proc/self/exe" itself, after which the process would be called "exe".
  char self[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0 || length == static_cast<ssize_t>(sizeof self)) return;
  self[length] = '\0';
  if (::setenv("GOMP_SPINCOUNT", "2000", 0) == 0) ::execv(self, argv);
    // Still here: it goes on with threads that spin.
#endif
}

}  // namespace examples
