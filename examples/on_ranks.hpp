#pragma once
/// The main function of a program that may have been started by mpirun: then it runs on all ranks, and rank 0 prints.

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <string>

#include "gentle_threads.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/ranks/any.hpp"
#if defined(EXAMPLES_WITH_MPI)
#include "gmoe/ranks/mpi.hpp"
#endif

namespace examples {

/// Whether mpirun has started this process: Open MPI's, MPICH's and its relatives' say so in the environment.
inline bool started_by_mpirun() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (std::getenv(name)) return true;
  return false;
}

/// Sends what is written to a file descriptor nowhere, until `end` or the end of its life.
class unheard {
 public:
  explicit unheard(int where) : where_(where), before_(::dup(where)) {
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, where_);
    ::close(nowhere);
  }
  unheard(const unheard&) = delete;
  unheard& operator=(const unheard&) = delete;
  ~unheard() { end(); }

  void end() {
    if (before_ < 0) return;
    std::fflush(nullptr);
    ::dup2(before_, where_);
    ::close(before_);
    before_ = -1;
  }

 private:
  int where_, before_;
};

/// Calls `program(ranks, work)`, which reads the command line and then calls `work(f)`, with f() as its result. What f
/// throws is told to the other ranks, which end then. Messages about the command line come from rank 0 alone.
template <class Program>
int on_ranks(int argc, char** argv, const Program& program) {
  give_way_while_waiting(argv);  // which starts the program once more: not after MPI has begun
#if defined(EXAMPLES_WITH_MPI)
  if (started_by_mpirun()) {
    const auto nothing_more = [](const std::string&) {};  // the program has said it
    return gmoe::ranks::run_on_mpi(
        argc, argv,
        [&](const gmoe::ranks::mpi& here) {
          std::optional<unheard> out, errors;
          if (here.rank() > 0) out.emplace(STDOUT_FILENO), errors.emplace(STDERR_FILENO);
          std::string failure;
          const int status = program(gmoe::ranks::any(here), [&](const auto& f) {
            errors.reset();
            try {
              return f();
            } catch (const std::exception& e) {
              failure = e.what();
              here.fail(failure);
              throw;
            }
          });
          if (!failure.empty()) throw gmoe::rank_error(failure);
          return status;
        },
        nothing_more);
  }
#else
  static_cast<void>(argc);
#endif
  std::optional<gmoe::ranks::any> alone;
  try {
    alone.emplace();
  } catch (const std::bad_alloc&) {  // nobody is there yet to tell it
    const char* const slash = std::strrchr(argv[0], '/');
    std::fprintf(stderr, "%s: there is not enough memory for this program\n", slash ? slash + 1 : argv[0]);
    return 1;
  }
  return program(*alone, [](const auto& f) { return f(); });
}

}  // namespace examples
