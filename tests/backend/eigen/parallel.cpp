#include "gmoe/backend/eigen/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

using namespace gmoe;

namespace {

template <class F>
void with_thread_counts(const F& f) {
  const int before = eigen::threads();
  for (int count : {1, 2, 3}) {
    eigen::set_threads(count);
    f();
  }
  eigen::set_threads(before);
}

}  // namespace

TEST_CASE("backend/eigen/parallel: ranges cover everything once, no piece smaller than the grain") {
  with_thread_counts([] {
    for (index_t count : {0, 1, 2, 7, 100, 1001})
      for (index_t grain : {0, 1, 3, 50, 5000}) {
        std::mutex mutex;
        std::vector<std::pair<index_t, index_t>> pieces;
        eigen::parallel_ranges(count, grain, [&](index_t begin, index_t end) {
          const std::scoped_lock lock(mutex);
          pieces.emplace_back(begin, end);
        });
        std::sort(pieces.begin(), pieces.end());
        index_t at = 0;
        for (const auto& [begin, end] : pieces) {
          CHECK(begin == at);
          CHECK(end > begin);
          if (pieces.size() > 1) CHECK(end - begin >= grain);
          at = end;
        }
        CHECK(at == count);
        CHECK(std::ssize(pieces) <= eigen::threads());
      }
  });
}

TEST_CASE("backend/eigen/parallel: every task runs once") {
  with_thread_counts([] {
    for (index_t count : {0, 1, 2, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      eigen::parallel_tasks(count, [&](index_t task) { ++runs[static_cast<std::size_t>(task)]; });
      for (const auto& r : runs) CHECK(r == 1);
    }
  });
}

TEST_CASE("backend/eigen/parallel: a loop inside a loop stays on its thread") {
  const int before = eigen::threads();
  eigen::set_threads(2);
  std::atomic<int> wrong{0}, calls{0};
  eigen::parallel_tasks(2, [&](index_t) {
    if (before > 1 && eigen::threads() != 1) ++wrong;
    const int here = eigen::thread_number();
    eigen::parallel_ranges(100, 1, [&](index_t begin, index_t end) {
      ++calls;
      if (begin != 0 || end != 100 || eigen::thread_number() != here) ++wrong;
    });
  });
  CHECK(wrong == 0);
  CHECK(calls == 2);
  eigen::set_threads(before);
}

TEST_CASE("backend/eigen/parallel: at least one thread") {
  const int before = eigen::threads();
  eigen::set_threads(0);
  CHECK(eigen::threads() == 1);
  eigen::set_threads(before);
  CHECK(eigen::row_grain(0) == 4096);
  CHECK(eigen::row_grain(64) == 64);
  CHECK(eigen::row_grain(1 << 20) == 1);
}
