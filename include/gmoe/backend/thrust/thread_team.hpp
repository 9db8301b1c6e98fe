#pragma once
/// Several host threads on one row, as many workers share one on a GPU. For testing row algorithms where there is no
/// GPU: a program compiled with -DGMOE_THREADS_PER_ROW=3 runs all of them so, and a thread sanitizer sees what they do.

#include <atomic>
#include <cstddef>
#include <cstring>
#include <thread>
#include <type_traits>
#include <vector>

#include "gmoe/backend/thrust/team.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Worker number `first` of a team of threads.
template <int Threads>
class thread_team : public team_sums<thread_team<Threads>> {
 public:
  struct meeting_place {
    alignas(64) std::byte parts[Threads][64];
    std::atomic<int> waiting{0}, meeting{0};
    /// Returns when all have come. Yields instead of sleeping: the others are a few numbers away.
    void wait_for_all() {
      const int this_meeting = meeting.load();
      if (waiting.fetch_add(1) + 1 == Threads) {
        waiting.store(0);
        meeting.store(this_meeting + 1);
      } else {
        while (meeting.load() == this_meeting) std::this_thread::yield();
      }
    }
  };
  thread_team(meeting_place& place, int number) : place_(place), number_(number) {}

  index_t first() const { return number_; }
  index_t step() const { return Threads; }

  template <class T, class Op>
  T reduce(const T& part, const Op& op) const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 64);
    std::memcpy(place_.parts[number_], &part, sizeof(T));
    place_.wait_for_all();
    T total;
    std::memcpy(&total, place_.parts[0], sizeof(T));
    for (int worker = 1; worker < Threads; ++worker) {
      T more;
      std::memcpy(&more, place_.parts[worker], sizeof(T));
      total = op(total, more);
    }
    place_.wait_for_all();  // before the next reduction writes
    return total;
  }

  /// f(team, i) for i in [0, rows), one row after the other.
  template <class F>
  static void for_each_row(index_t rows, const F& f) {
    meeting_place place;
    std::vector<std::jthread> workers;
    for (int number = 0; number < Threads; ++number)
      workers.emplace_back([&, number] {
        for (index_t i = 0; i < rows; ++i) f(thread_team(place, number), i);
      });
  }

 private:
  meeting_place& place_;
  int number_;
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
