#pragma once
/// Ctrl-C as a request: finish the step, save, stop.
///
/// Generated machine code of matrix libraries may use the stack pointer as one more register; a handler that ran there
/// would have its frame written into the matrices. So no handler runs in a thread that computes: these threads block
/// the signals, and a thread of the guard waits for them.

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <system_error>
#include <thread>

#include "gmoe/core/error.hpp"

namespace gmoe {

/// While it lives, SIGINT and SIGTERM are requests that `requested` tells of; one that comes two seconds or more after
/// the first ends the program as usual. At once, it is the same request again: some tools signal a process and then its
/// group.
///
/// Both signals are blocked in the calling thread, in its OpenMP workers, and in all threads that either starts while
/// the guard lives. Threads of your own that were there before and compute should block them too, or be started after.
/// What was before comes back in the end. Make and destroy it in the same thread, outside parallel regions.
class interrupt_guard {
 public:
  interrupt_guard() {
    if (living_.fetch_add(1) == 0) first_ = 0;
    sigset_t everything;
    ::sigfillset(&everything);
    ::pthread_sigmask(SIG_SETMASK, &everything, &mask_);  // the waiting thread begins with this
    try {
      waiting_ = std::thread([this] { wait(); });
    } catch (const std::system_error& e) {
      ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
      --living_;
      throw backend_error(concat("interrupt_guard: cannot start a thread that waits for signals: ", e.what()));
    }
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    const sigset_t both = both_signals();
    in_workers([&] { ::pthread_sigmask(SIG_BLOCK, &both, nullptr); });
    // For threads that do not block them: without a handler, a signal that lands there would end the program.
    struct sigaction action {};
    action.sa_handler = note;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    action.sa_mask = both;
    for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &action, &previous_[i]);
  }
  interrupt_guard(const interrupt_guard&) = delete;
  interrupt_guard& operator=(const interrupt_guard&) = delete;
  ~interrupt_guard() {
    stopping_ = true;
    ::pthread_kill(waiting_.native_handle(), SIGTERM);
    waiting_.join();
    for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &previous_[i], nullptr);
    sigset_t open;  // before the guard, in the calling thread
    ::sigemptyset(&open);
    for (const int s : signals)
      if (!::sigismember(&mask_, s)) ::sigaddset(&open, s);
    in_workers([&] { ::pthread_sigmask(SIG_UNBLOCK, &open, nullptr); });
    --living_;
    if (late_ != 0) ::raise(late_);  // came too late for the guard
  }

  bool requested() const {
    const sigset_t both = both_signals();
    const timespec at_once{};
    // Those sent to this thread alone, as by std::raise.
    for (int s; (s = ::sigtimedwait(&both, nullptr, &at_once)) > 0;) note(s);
    return first_ != 0;
  }

 private:
  static constexpr std::array signals{SIGINT, SIGTERM};
  static sigset_t both_signals() {
    sigset_t both;
    ::sigemptyset(&both);
    for (const int s : signals) ::sigaddset(&both, s);
    return both;
  }

  /// Calls f in this thread and in the OpenMP threads that it has.
  template <class F>
  static void in_workers(const F& f) {
    f();  // first: threads that are started here inherit what it sets
#if defined(_OPENMP)
#pragma omp parallel
    f();
#endif
  }

  void wait() {
    const sigset_t both = both_signals();
    for (;;) {
      siginfo_t from;
      const int signal = ::sigwaitinfo(&both, &from);
      if (signal < 0) continue;  // the process was stopped and goes on
      if (stopping_ && from.si_pid == ::getpid()) return;
      if (stopping_)
        late_ = signal;
      else
        note(signal);
    }
  }

  /// Also as a handler: only what a handler may call.
  static void note(int signal) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t milliseconds = 1 + std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
    std::int64_t first = 0;
    if (first_.compare_exchange_strong(first, milliseconds) || milliseconds - first < 2000) return;
    struct sigaction as_usual {};
    as_usual.sa_handler = SIG_DFL;
    ::sigaction(signal, &as_usual, nullptr);
    const sigset_t both = both_signals();
    ::pthread_sigmask(SIG_UNBLOCK, &both, nullptr);
    ::raise(signal);
  }

  inline static std::atomic<std::int64_t> first_ = 0;  ///< when the first request came, in milliseconds; 0: none did
  inline static std::atomic<int> living_ = 0;
  static_assert(std::atomic<std::int64_t>::is_always_lock_free, "a handler sets it");

  sigset_t mask_;
  std::array<struct sigaction, signals.size()> previous_;
  std::atomic<bool> stopping_ = false;
  int late_ = 0;
  std::thread waiting_;
};

}  // namespace gmoe
