#include "gmoe/backend/eigen/workspace.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

using namespace gmoe;
using eigen::scratch;

TEST_CASE("backend/eigen/workspace: nested blocks are apart, aligned, and reused after their scope") {
  double* first = nullptr;
  {
    const auto a = scratch<double>(100);
    const auto b = scratch<float>(33);
    first = a.data();
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(b.data()) % 64 == 0);
    std::iota(a.data(), a.data() + 100, 0.0);
    std::fill_n(b.data(), 33, -1.0f);
    {
      const auto c = scratch<float>(1000);
      CHECK(static_cast<void*>(c.data()) > static_cast<void*>(b.data()));
      std::fill_n(c.data(), 1000, -2.0f);
    }
    const auto d = scratch<float>(10);
    std::fill_n(d.data(), 10, -3.0f);
    for (int i = 0; i < 100; ++i) REQUIRE(a[i] == i);
    for (int i = 0; i < 33; ++i) REQUIRE(b[i] == -1.0f);
  }
  const auto again = scratch<double>(100);
  CHECK(again.data() == first);
}

TEST_CASE("backend/eigen/workspace: grows by chunks, which stay for the next time") {
  const auto use = [](std::vector<const void*>& seen) {
    const auto small = scratch<char>(1000);
    small[999] = 1;
    for (index_t bytes : {index_t{1} << 19, index_t{3} << 20, index_t{1} << 20, index_t{5} << 20}) {
      const auto big = scratch<char>(bytes);
      big[0] = big[bytes - 1] = 2;
      const auto more = scratch<char>(bytes);
      more[0] = more[bytes - 1] = 3;
      REQUIRE(big[bytes - 1] == 2);
      seen.push_back(big.data());
      seen.push_back(more.data());
    }
    REQUIRE(small[999] == 1);
  };
  std::vector<const void*> first, second;
  std::thread([&] {  // a thread starts with an empty workspace
    use(first);
    std::vector<const void*> settled;
    use(settled);
    use(second);
    CHECK(settled == second);
  })
      .join();
}

TEST_CASE("backend/eigen/workspace: nothing is a block too, and threads have their own") {
  const auto none = scratch<int>(0);
  const auto one = scratch<int>(1);
  one[0] = 5;
  int* other = nullptr;
  std::thread([&] {
    const auto theirs = scratch<int>(1);
    theirs[0] = 6;
    other = theirs.data();
  }).join();
  CHECK(other != one.data());
  CHECK(one[0] == 5);
  CHECK(none.data() != nullptr);
}
