#pragma once
/// Ranks as processes, of MPI: `mpirun -n 4 program`. Needs MPI's header and library (target gmoe::mpi), and is
/// included by the program that wants it.
///
///     int main(int argc, char** argv) {
///       return gmoe::ranks::run_on_mpi(argc, argv, [&](gmoe::ranks::mpi here) { ...; return 0; },
///                                      [](const std::string& sentence) { ... });  // which says why the run ends
///     }

// MPI's C++ bindings are gone from the standard, and take long to compile.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <chrono>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/ranks/communicator.hpp"

namespace gmoe::ranks {

/// A rank among the processes that mpirun has started. A handle; copies are of the same rank.
///
/// What waits looks now and then whether another rank has told of its failure, and does not wait longer than
/// `patience`. After a rank_error this process can only end: MPI has no way to take back what was begun together.
class mpi {
 public:
  /// On all processes. MPI must have been initialised (MPI_THREAD_FUNNELED or more), and this thread be its main one.
  static mpi world(std::chrono::milliseconds patience = std::chrono::minutes(30)) {
    mpi here;
    here.state_ = std::make_shared<state>();
    state& s = *here.state_;
    s.patience = patience;
    for (MPI_Comm* const c : {&s.data, &s.failures}) {
      check(MPI_Comm_dup(MPI_COMM_WORLD, c), "MPI_Comm_dup");
      check(MPI_Comm_set_errhandler(*c, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    }
    check(MPI_Comm_rank(s.data, &s.rank), "MPI_Comm_rank");
    check(MPI_Comm_size(s.data, &s.size), "MPI_Comm_size");
    return here;
  }

  int rank() const { return state_->rank; }
  int size() const { return state_->size; }

  void barrier() const {
    MPI_Request r = MPI_REQUEST_NULL;
    check(MPI_Ibarrier(state_->data, &r), "MPI_Ibarrier");
    wait(r, "barrier");
  }
  void broadcast(bytes_out all, int root) const {
    require(root >= 0 && root < size(), "broadcast: no rank ", root, " among ", size());
    MPI_Request r = MPI_REQUEST_NULL;
    check(MPI_Ibcast(all.data(), number(all.size()), MPI_BYTE, root, state_->data, &r), "MPI_Ibcast");
    wait(r, "broadcast");
  }
  void all_gather(bytes mine, bytes_out all, counts lengths) const {
    const places to(lengths);
    MPI_Request r = MPI_REQUEST_NULL;
    check(MPI_Iallgatherv(mine.data(), number(mine.size()), MPI_BYTE, all.data(), to.lengths.data(), to.begins.data(),
                          MPI_BYTE, state_->data, &r),
          "MPI_Iallgatherv");
    wait(r, "all_gather");
  }
  void all_to_all(bytes mine, counts to, bytes_out yours, counts from) const {
    const places out(to), in(from);
    MPI_Request r = MPI_REQUEST_NULL;
    check(MPI_Ialltoallv(mine.data(), out.lengths.data(), out.begins.data(), MPI_BYTE, yours.data(), in.lengths.data(),
                         in.begins.data(), MPI_BYTE, state_->data, &r),
          "MPI_Ialltoallv");
    wait(r, "all_to_all");
  }
  /// Sends the reason to all others, which find it wherever they wait. At most two seconds.
  void fail(std::string_view why) const noexcept {
    try {
      if (std::exchange(state_->over, true)) return;
      const std::string text(why.substr(0, longest_reason));
      std::vector<MPI_Request> sends;
      for (int r = 0; r < size(); ++r)
        if (r != rank()) {
          sends.push_back(MPI_REQUEST_NULL);
          MPI_Isend(text.data(), static_cast<int>(text.size()), MPI_CHAR, r, 0, state_->failures, &sends.back());
        }
      const auto until = clock::now() + std::chrono::seconds(2);
      for (int done = 0; !done && clock::now() < until; rest())
        MPI_Testall(static_cast<int>(sends.size()), sends.data(), &done, MPI_STATUSES_IGNORE);
    } catch (...) {  // no memory for the reason: what ends this process ends the others
    }
  }

 private:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t longest_reason = 2000;

  /// Its communicators live as long as MPI.
  struct state {
    MPI_Comm data = MPI_COMM_NULL, failures = MPI_COMM_NULL;
    int rank = 0, size = 1;
    std::chrono::milliseconds patience{};
    bool over = false;  ///< a rank has failed
  };
  /// MPI wants numbers, and where each part begins.
  struct places {
    std::vector<int> lengths, begins;
    explicit places(counts of) {
      std::size_t at = 0;
      for (const std::size_t n : of) {
        lengths.push_back(number(n));
        begins.push_back(number(at));
        at += n;
      }
    }
  };

  mpi() = default;

  static int number(std::size_t count) {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
    require<rank_error>(count <= most, "MPI cannot send ", count, " bytes at once, at most ", most);
    return static_cast<int>(count);
  }
  static void check(int result, const char* call) {
    if (result == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(result, text, &length);
    throw rank_error(concat(call, " failed: ", std::string(text, static_cast<std::size_t>(length))));
  }
  /// Gives others the core: there may be more ranks than cores.
  static void rest() { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

  void wait(MPI_Request request, const char* call) const {
    require<rank_error>(!state_->over, call, ": a rank has failed before");
    const auto until = clock::now() + state_->patience;
    for (int looks = 0;; ++looks) {
      int done = 0;
      check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call);
      if (done) return;
      int failed = 0;
      MPI_Status status;
      check(MPI_Iprobe(MPI_ANY_SOURCE, 0, state_->failures, &failed, &status), "MPI_Iprobe");
      if (failed) throw_failure(status);
      if (clock::now() > until) {
        throw rank_error(concat("rank ", rank(), " has waited ",
                                std::chrono::duration<double>(state_->patience).count(), " s in ", call,
                                " for another rank"));
      }
      if (looks < 100)
        std::this_thread::yield();
      else
        rest();
    }
  }
  [[noreturn]] void throw_failure(const MPI_Status& status) const {
    state_->over = true;
    std::string why(longest_reason, '\0');
    int length = 0;
    MPI_Get_count(&status, MPI_CHAR, &length);
    MPI_Recv(why.data(), length, MPI_CHAR, status.MPI_SOURCE, 0, state_->failures, MPI_STATUS_IGNORE);
    why.resize(static_cast<std::size_t>(length));
    throw rank_error(concat("rank ", status.MPI_SOURCE, " failed: ", why));
  }

  std::shared_ptr<state> state_;
};
static_assert(communicator<mpi>);

/// The main function of a program under mpirun: begins MPI, calls `f(mpi)`, whose result it returns, and ends MPI. If f
/// throws, the others hear of it, `say(sentence)` is called with this rank's number and the reason, and all processes
/// end: at once those that wait, and those that do not by MPI_Abort.
template <class F, class Say>
int run_on_mpi(int argc, char** argv, const F& f, const Say& say,
               std::chrono::milliseconds patience = std::chrono::minutes(30)) {
  int given = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &given);
  const mpi here = mpi::world(patience);
  const auto end_all = [&](const std::string& why) {
    say(concat("rank ", here.rank(), " of ", here.size(), ": ", why));
    here.fail(why);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the others say theirs
    MPI_Abort(MPI_COMM_WORLD, 1);
  };
  try {
    const int result = f(here);
    here.barrier();  // or a rank that fails now could tell nobody
    MPI_Finalize();
    return result;
  } catch (const std::exception& e) {
    end_all(e.what());
  } catch (...) {
    end_all("something that is no std::exception was thrown");
  }
  return 1;
}

}  // namespace gmoe::ranks
