#pragma once
/// Ranks as threads of one process: for tests, and for machines without MPI.
///
///     gmoe::ranks::run_on_threads(4, [&](gmoe::ranks::threads here) { ... here.rank() ... });

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/ranks/communicator.hpp"

namespace gmoe::ranks {

/// A rank among `size` threads. A handle, made by run_on_threads.
class threads {
 public:
  /// What the ranks of a run have in common.
  class meeting {
   public:
    explicit meeting(int size, std::chrono::milliseconds patience) : size_(size), patience_(patience) {
      require(size >= 1, "a run on ", size, " threads, expected at least 1");
      for (auto& o : offers_) o.resize(static_cast<std::size_t>(size));
    }

   private:
    friend class threads;
    /// What a rank brings to a call.
    struct offer {
      const char* call = "";
      bytes data;
      counts parts;
      std::uint64_t comes = 0;  ///< how often it has come
    };
    std::mutex mutex_;
    std::condition_variable changed_;
    std::array<std::vector<offer>, 2> offers_;  ///< of even and odd rounds: some read while others come to the next
    std::uint64_t round_ = 0;
    int size_, arrived_ = 0;
    std::optional<std::string> failure_;
    int failed_rank_ = -1;
    std::chrono::milliseconds patience_;
  };

  threads(meeting& all, int rank) : all_(&all), rank_(rank) {}

  int rank() const { return rank_; }
  int size() const { return all_->size_; }

  void barrier() const { meet("barrier", {}, {}); }
  void broadcast(bytes_out all, int root) const {
    require(root >= 0 && root < size(), "broadcast: no rank ", root, " among ", size());
    together("broadcast", all, {}, [&](const offers& theirs) {
      if (rank_ != root) copy("broadcast", of(theirs, root).data, all);  // the root's own is being read
    });
  }
  void all_gather(bytes mine, bytes_out all, counts lengths) const {
    together("all_gather", mine, {}, [&](const offers& theirs) {
      for (int r = 0; r < size(); ++r) {
        const std::size_t n = lengths[static_cast<std::size_t>(r)];
        copy("all_gather", of(theirs, r).data, all.first(n));
        all = all.subspan(n);
      }
    });
  }
  void all_to_all(bytes mine, counts to, bytes_out yours, counts from) const {
    together("all_to_all", mine, to, [&](const offers& theirs) {
      const auto me = static_cast<std::size_t>(rank_);
      for (int r = 0; r < size(); ++r) {
        bytes sent = of(theirs, r).data;
        const counts parts = of(theirs, r).parts;
        for (std::size_t before = 0; before < me; ++before) sent = sent.subspan(parts[before]);
        const std::size_t n = from[static_cast<std::size_t>(r)];
        copy("all_to_all", sent.first(parts[me]), yours.first(n));
        yours = yours.subspan(n);
      }
    });
  }
  void fail(std::string_view why) const noexcept {
    const std::scoped_lock lock(all_->mutex_);
    if (!all_->failure_) {
      all_->failure_.emplace(why);
      all_->failed_rank_ = rank_;
    }
    all_->changed_.notify_all();
  }

 private:
  using offers = std::vector<meeting::offer>;

  /// Calls take(what all ranks bring) once all have come, and returns once all have taken it: nobody takes away what
  /// others still read, not even by an exception.
  void together(const char* call, bytes data, counts parts, const auto& take) const {
    const offers& theirs = meet(call, data, parts);
    std::exception_ptr error;
    try {
      take(theirs);
    } catch (...) {
      error = std::current_exception();
    }
    meet(call, {}, {});
    if (error) std::rethrow_exception(error);
  }

  /// Returns once all ranks have come, what they bring. It stays until all have come once more.
  const offers& meet(const char* call, bytes data, counts parts) const {
    std::unique_lock lock(all_->mutex_);
    throw_failure();
    const std::uint64_t round = all_->round_;
    offers& now = all_->offers_[round % 2];
    now[static_cast<std::size_t>(rank_)] = {call, data, parts, round + 1};
    if (++all_->arrived_ == size()) {
      all_->arrived_ = 0;
      ++all_->round_;
      all_->changed_.notify_all();
    } else {
      all_->changed_.wait_for(lock, all_->patience_, [&] { return all_->round_ != round || all_->failure_; });
      if (all_->round_ == round) {
        throw_failure();
        throw rank_error(concat("rank ", rank_, " has waited ", std::chrono::duration<double>(all_->patience_).count(),
                                " s in ", call, " for ", missing(now, round)));
      }
    }
    for (int r = 0; r < size(); ++r)
      require<rank_error>(std::strcmp(of(now, r).call, call) == 0, "rank ", r, " has called ", of(now, r).call,
                          " where rank ", rank_, " has called ", call, ": the ranks do not run the same program");
    return now;
  }
  void throw_failure() const {
    if (all_->failure_) throw rank_error(concat("rank ", all_->failed_rank_, " failed: ", *all_->failure_));
  }
  std::string missing(const offers& now, std::uint64_t round) const {
    std::string text;
    for (int r = 0; r < size(); ++r)
      if (of(now, r).comes != round + 1) text += (text.empty() ? "rank " : " and rank ") + std::to_string(r);
    return text;
  }
  static const meeting::offer& of(const offers& all, int rank) { return all[static_cast<std::size_t>(rank)]; }

  static void copy(const char* call, bytes from, bytes_out to) {
    require<rank_error>(from.size() == to.size(), call, ": a rank has sent ", from.size(),
                        " bytes where another takes ", to.size(), ": the ranks do not run the same program");
    if (!to.empty()) std::memmove(to.data(), from.data(), to.size());
  }

  meeting* all_;
  int rank_;
};
static_assert(communicator<threads>);

/// Calls f(threads) on `size` ranks, each a thread, and returns when all have ended. Where one throws, all others end
/// at what they next do together, and this throws rank_error with the rank's number and its reason. So does a rank that
/// has waited longer than `patience` for another; but a thread cannot be ended from outside, and is waited for.
///
/// How many threads a rank computes with is that of a new thread, OMP_NUM_THREADS or all cores, unless f says so:
/// `cpu<float>::set_threads(1)`.
template <class F>
void run_on_threads(int size, const F& f, std::chrono::milliseconds patience = std::chrono::minutes(30)) {
  threads::meeting all(size, patience);
  std::mutex mutex;
  std::string first;  // why the first one that failed by itself did
  const auto run = [&](int rank) {
    const threads here(all, rank);
    const auto failed = [&](std::string_view why, bool by_itself) {
      {
        const std::scoped_lock lock(mutex);
        if (first.empty()) first = by_itself ? concat("rank ", rank, " failed: ", why) : std::string(why);
      }
      here.fail(why);
    };
    try {
      f(here);
    } catch (const rank_error& e) {  // names the rank
      failed(e.what(), false);
    } catch (const std::exception& e) {
      failed(e.what(), true);
    } catch (...) {
      failed("something that is no std::exception was thrown", true);
    }
  };
  std::vector<std::thread> others;
  try {
    for (int r = 1; r < size; ++r) others.emplace_back(run, r);
  } catch (const std::exception& e) {
    const int missing = static_cast<int>(others.size()) + 1;
    const std::string why = concat("its thread cannot be started: ", e.what());
    {
      const std::scoped_lock lock(mutex);
      if (first.empty()) first = concat("rank ", missing, " failed: ", why);
    }
    threads(all, missing).fail(why);
  }
  run(0);
  for (std::thread& t : others) t.join();
  if (!first.empty()) throw rank_error(first);
}

}  // namespace gmoe::ranks
