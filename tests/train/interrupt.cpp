#include "gmoe/train/interrupt.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

bool blocked(int signal) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, signal) == 1;
}

/// How many of the calling thread's OpenMP threads, itself included, block a signal; and how many there are.
std::array<int, 2> blocking_workers(int signal) {
  std::atomic<int> all = 0, blocking = 0;
#if defined(_OPENMP)
#pragma omp parallel num_threads(3)
#endif
  {
    ++all;
    if (blocked(signal)) ++blocking;
  }
  return {blocking, all};
}

std::atomic<int> seen = 0;
void count(int) { ++seen; }

bool counts(int signal) {
  struct sigaction now {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler == count;
}

bool soon(const auto& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
  return condition();
}

/// Runs one of this program's skipped cases by itself; the status as of waitpid.
int run_case(const char* name) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string filter = std::string("--test-case=") + name;
    ::execl("/proc/self/exe", "test", "--no-skip", "--no-breaks", filter.c_str(), nullptr);
    ::_exit(99);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("train/interrupt: the first signal is a request, however it is sent") {
  SUBCASE("to the process") {
    const gmoe::interrupt_guard guard;
    CHECK(!guard.requested());
    ::kill(::getpid(), SIGINT);
    CHECK(soon([&] { return guard.requested(); }));
    ::kill(::getpid(), SIGINT);  // the same request: the program goes on
    ::kill(::getpid(), SIGTERM);
    std::this_thread::sleep_for(20ms);
    CHECK(guard.requested());
  }
  SUBCASE("to the thread") {
    const gmoe::interrupt_guard guard;
    ::raise(SIGTERM);
    CHECK(guard.requested());
    ::raise(SIGTERM);
    ::raise(SIGINT);
    CHECK(guard.requested());
  }
  const gmoe::interrupt_guard next;
  CHECK(!next.requested());  // a new guard knows nothing of it
}

TEST_CASE("train/interrupt: no handler runs in the thread, its workers, and threads started meanwhile") {
  const auto before = blocking_workers(SIGINT);  // these threads are there already
  {
    const gmoe::interrupt_guard guard;
    CHECK(blocked(SIGINT));
    CHECK(blocked(SIGTERM));
    CHECK(!blocked(SIGUSR1));
    const auto now = blocking_workers(SIGTERM);
    CHECK(now[0] == now[1]);
    bool of_new_thread = false;
    std::thread([&] { of_new_thread = blocked(SIGINT); }).join();
    CHECK(of_new_thread);
  }
  CHECK(blocking_workers(SIGINT) == before);
  CHECK(before[0] == 0);
}

TEST_CASE("train/interrupt: a signal that lands in a thread from before is a request too") {
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) std::this_thread::sleep_for(1ms);
  });
  {
    const gmoe::interrupt_guard guard;
    ::pthread_kill(other.native_handle(), SIGINT);
    CHECK(soon([&] { return guard.requested(); }));
  }
  stop = true;
  other.join();
}

TEST_CASE("train/interrupt: handlers and masks come back, and take what comes afterwards") {
  struct sigaction counting {
  }, before{};
  counting.sa_handler = count;
  ::sigaction(SIGTERM, &counting, &before);
  sigset_t only_term, mask;
  ::sigemptyset(&only_term);
  ::sigaddset(&only_term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &only_term, &mask);
  {
    const gmoe::interrupt_guard guard;
    const gmoe::interrupt_guard inner;
    ::kill(::getpid(), SIGTERM);
    CHECK(soon([&] { return guard.requested(); }));
  }
  CHECK(blocked(SIGTERM));
  CHECK(!blocked(SIGINT));
  CHECK(counts(SIGTERM));
  CHECK(seen == 0);
  ::raise(SIGTERM);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  CHECK(seen == 1);
  ::sigaction(SIGTERM, &before, nullptr);
}

TEST_CASE("train/interrupt: dozens of guards come and go under a hail of signals") {
  struct sigaction counting {
  }, before{};
  counting.sa_handler = count;
  ::sigaction(SIGINT, &counting, &before);
  std::atomic<bool> stop = false;
  std::thread hail([&] {
    while (!stop) ::kill(::getpid(), SIGINT);
  });
  for (int i = 0; i < 200; ++i) const gmoe::interrupt_guard guard;
  stop = true;
  hail.join();
  ::sigaction(SIGINT, &before, nullptr);
  CHECK(!blocked(SIGINT));
}

TEST_CASE("train/interrupt: one that insists ends the program as usual") {
  const int status = run_case("train/interrupt: (ends by a second signal)");
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("train/interrupt: (ends by a second signal)" * doctest::skip()) {
  const gmoe::interrupt_guard guard;
  ::kill(::getpid(), SIGINT);
  std::this_thread::sleep_for(1s);
  ::kill(::getpid(), SIGTERM);
  std::this_thread::sleep_for(1100ms);
  ::kill(::getpid(), SIGTERM);
  for (;;) ::pause();  // this thread is busy and asks nothing
}
