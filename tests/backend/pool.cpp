#include "gmoe/backend/pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

using namespace gmoe;

namespace {

/// Host memory that counts; one type, so one pool, per test.
template <int Test>
struct counting_memory {
  static inline std::atomic<int> live = 0;
  static inline std::atomic<std::size_t> live_bytes = 0;
  static void* allocate(std::size_t bytes) {
    ++live;
    live_bytes += bytes;
    return std::malloc(bytes);
  }
  static void release(void* data, std::size_t bytes) {
    --live;
    live_bytes -= bytes;
    std::free(data);
  }
};

struct exhausted_memory {
  static void* allocate(std::size_t) { throw std::bad_alloc(); }
  static void release(void*, std::size_t) {}
};

}  // namespace

TEST_CASE("backend/pool: a returned buffer serves the next request of its class") {
  using memory = counting_memory<0>;
  void* first = nullptr;
  {
    const pooled<memory> b(1000);
    first = b.data();
  }
  CHECK(memory::live == 1);
  const pooled<memory> again(1010);  // the same class: 1000 and 1010 are both rounded to 1024
  CHECK(again.data() == first);
  const pooled<memory> second(1000);
  CHECK(second.data() != first);
  CHECK(memory::live == 2);
  CHECK(pool<memory>::instance().statistics().system_allocations == 2);
}

TEST_CASE("backend/pool: a small request takes a larger buffer that waits, up to twice its size") {
  using memory = counting_memory<20>;
  void* first = nullptr;
  {
    const pooled<memory> b(2000);
    first = b.data();
  }
  {
    const pooled<memory> smaller(1100);
    CHECK(smaller.data() == first);
    CHECK(pool<memory>::instance().statistics().in_use == 2048);
    const pooled<memory> own(1100);
    CHECK(memory::live == 2);
  }
  const pooled<memory> fits(1100);
  CHECK(fits.data() != first);
  const pooled<memory> tiny(900);  // 2048 is more than twice of it
  CHECK(tiny.data() != first);
  CHECK(memory::live == 3);
}

TEST_CASE("backend/pool: size classes waste at most an eighth and never give too little") {
  using memory = counting_memory<1>;
  auto& p = pool<memory>::instance();
  for (std::size_t bytes = 1; bytes < 70000; bytes += bytes < 3000 ? 1 : 977) {
    const std::size_t before = p.statistics().in_use;
    const pooled<memory> b(bytes);
    const std::size_t given = p.statistics().in_use - before;
    REQUIRE(given >= bytes);
    if (bytes <= 256)
      REQUIRE(given == 256);
    else
      REQUIRE(given * 8 <= bytes * 9);
  }
  for (std::size_t exact : {std::size_t{256}, std::size_t{512}, std::size_t{4096}, std::size_t{1} << 20}) {
    const std::size_t before = p.statistics().in_use;
    const pooled<memory> b(exact);
    CHECK(p.statistics().in_use - before == exact);
  }
  CHECK(p.statistics().in_use == 0);
}

TEST_CASE("backend/pool: statistics follow what is held; trim gives the rest back") {
  using memory = counting_memory<2>;
  auto& p = pool<memory>::instance();
  {
    const pooled<memory> a(512);
    {
      const pooled<memory> b(1024);
      CHECK(p.statistics().in_use == 1536);
    }
    CHECK(p.statistics().in_use == 512);
    CHECK(p.statistics().peak == 1536);
    CHECK(p.statistics().reserved == 1536);
    p.reset_peak();
    CHECK(p.statistics().peak == 512);
    p.trim();
    CHECK(p.statistics().reserved == 512);
    CHECK(memory::live_bytes == 512);
  }
  p.trim();
  CHECK(p.statistics().in_use == 0);
  CHECK(p.statistics().reserved == 0);
  CHECK(memory::live == 0);
}

TEST_CASE("backend/pool: large buffers are cut from regions, and joined again in any order") {
  using memory = counting_memory<5>;
  auto& p = pool<memory>::instance();
  constexpr std::size_t mib = std::size_t{1} << 20, region = pool<memory>::region_bytes;
  const auto address = [](const pooled<memory>& b) { return static_cast<char*>(b.data()); };
  {
    pooled<memory> a(10 * mib), b(20 * mib), c(mib + 1);
    CHECK(memory::live == 1);
    CHECK(p.statistics().reserved == region);
    CHECK(p.statistics().in_use == 31 * mib + 4096);
    CHECK(address(b) == address(a) + 10 * mib);
    CHECK(address(c) == address(b) + 20 * mib);
    const char* const start = address(a);
    // The room of two neighbours that are free serves a larger one, whichever was returned first.
    for (bool left_first : {true, false}) {
      (left_first ? a : b) = pooled<memory>();
      (left_first ? b : a) = pooled<memory>();
      const pooled<memory> both(30 * mib);
      CHECK(address(both) == start);
      const pooled<memory> other(30 * mib);
      CHECK(address(other) > address(c));
      a = b = pooled<memory>();
    }
    a = pooled<memory>(29 * mib);  // the nearest size is taken
    CHECK(address(a) == start);
    b = pooled<memory>(2 * region);  // a region of its own
    CHECK(memory::live == 2);
    CHECK(p.statistics().reserved == 3 * region);
    p.trim();
    CHECK(memory::live == 2);
    b = pooled<memory>();
    p.trim();
    CHECK(memory::live == 1);
    CHECK(p.statistics().reserved == region);
  }
  const pooled<memory> whole(region);  // all joined again
  CHECK(memory::live == 1);
}

TEST_CASE("backend/pool: a sequence of takes and returns that repeats needs no new memory from its second round on") {
  using memory = counting_memory<6>;
  auto& p = pool<memory>::instance();
  const pooled<memory> kept(3 << 20);
  std::size_t after_first = 0;
  for (int round = 0; round < 6; ++round) {
    std::vector<pooled<memory>> held;
    for (std::size_t i = 0; i < 300; ++i) {
      held.emplace_back((std::size_t{200} << 10) * (1 + i * i % 37));
      if (i % 3 == 0) held[i * i % held.size()] = pooled<memory>();
    }
    if (round == 0) after_first = p.statistics().system_allocations;
  }
  CHECK(p.statistics().system_allocations == after_first);
}

TEST_CASE("backend/pool: where there is no whole region, what was asked for will do") {
  struct scarce {
    static void* allocate(std::size_t bytes) {
      if (bytes > std::size_t{64} << 20) throw std::bad_alloc();
      return std::malloc(bytes);
    }
    static void release(void* data, std::size_t) { std::free(data); }
  };
  auto& p = pool<scarce>::instance();
  {
    const pooled<scarce> b(10 << 20);
    CHECK(p.statistics().reserved == 10 << 20);
  }
  CHECK_THROWS_AS(pooled<scarce>(65 << 20), std::bad_alloc);
  p.trim();
  CHECK(p.statistics().reserved == 0);
}

TEST_CASE("backend/pool: handles share and count") {
  using memory = counting_memory<3>;
  auto& p = pool<memory>::instance();
  pooled<memory> a(300);
  CHECK_FALSE(a.shared());
  {
    const pooled<memory> b = a;
    CHECK(a.shared());
    CHECK(b.data() == a.data());
  }
  CHECK_FALSE(a.shared());
  pooled<memory> moved = std::move(a);
  CHECK(a.data() == nullptr);  // NOLINT: a moved-from buffer is empty
  moved = moved;               // NOLINT: assignment to itself
  CHECK(moved.data() != nullptr);
  moved = pooled<memory>();
  CHECK(p.statistics().in_use == 0);
  CHECK(pooled<memory>(0).data() == nullptr);
}

TEST_CASE("backend/pool: threads may take and return at once") {
  using memory = counting_memory<4>;
  std::vector<std::thread> threads;
  std::atomic<int> mixed_up = 0;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([t, &mixed_up] {
      const auto owner = static_cast<unsigned char>(t + 1);
      pooled<memory> kept;
      std::size_t kept_bytes = 0;
      for (std::size_t i = 0; i < 2000; ++i) {
        const std::size_t bytes = i % 7 == 0 ? (300 << 10) * (1 + i % 5) : 256 + i % 64 * 64;
        const pooled<memory> b(bytes);
        auto* const data = static_cast<unsigned char*>(b.data());
        data[0] = data[bytes - 1] = owner;
        const auto* const before = static_cast<const unsigned char*>(kept.data());
        if (before != nullptr && (before[0] != owner || before[kept_bytes - 1] != owner)) ++mixed_up;
        kept = b;
        kept_bytes = bytes;
        if (t == 0 && i % 50 == 0) pool<memory>::instance().trim();
      }
    });
  for (auto& t : threads) t.join();
  CHECK(mixed_up == 0);
  CHECK(pool<memory>::instance().statistics().in_use == 0);
}

TEST_CASE("backend/pool: a failed allocation changes nothing") {
  CHECK_THROWS_AS(pooled<exhausted_memory>(100), std::bad_alloc);
  CHECK_THROWS_AS(pooled<exhausted_memory>(1 << 20), std::bad_alloc);
  CHECK_THROWS_AS(pooled<exhausted_memory>(static_cast<std::size_t>(-8)), std::bad_alloc);
  CHECK(pool<exhausted_memory>::instance().statistics().in_use == 0);
  CHECK(pool<exhausted_memory>::instance().statistics().reserved == 0);
}
