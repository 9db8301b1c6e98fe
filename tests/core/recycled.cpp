#include "gmoe/core/recycled.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

using namespace gmoe;

TEST_CASE("core/recycled: memory of a vector that is gone is taken again") {
  const void* first = nullptr;
  {
    recycled_vector<double> v(100, 1.5);
    first = v.data();
  }
  const recycled_vector<double> again(90, 2.5);  // of the same power of two
  CHECK(again.data() == first);
  CHECK(again.back() == 2.5);
  const recycled_vector<double> other(90);
  CHECK(other.data() != again.data());
}

TEST_CASE("core/recycled: it is a vector") {
  recycled_vector<std::string> v;
  for (int i = 0; i < 1000; ++i) v.push_back("number " + std::to_string(i));
  recycled_vector<std::string> copy = v;
  v.clear();
  CHECK(copy.size() == 1000);
  CHECK(copy[999] == "number 999");
  const recycled_vector<std::string> moved = std::move(copy);
  CHECK(moved[500] == "number 500");
  recycled_vector<char> small(1, 'x');  // less than a pointer
  small.push_back('y');
  CHECK(small[1] == 'y');
}

TEST_CASE("core/recycled: vectors may be made in one thread and end in another, or after theirs") {
  auto made = std::make_unique<recycled_vector<int>>();
  std::thread([&] { made->assign(1000, 7); }).join();
  CHECK(made->at(999) == 7);
  made.reset();
  auto mine = std::make_unique<recycled_vector<int>>(1000, 8);
  std::thread([&] { mine.reset(); }).join();
  // What a thread still holds when it ends goes after its blocks.
  std::thread([] {
    static thread_local recycled_vector<int> late;
    late.assign(1000, 9);
    recycled_vector<int> early(1000, 1);
  }).join();
  CHECK(recycled_vector<int>(1000, 3).front() == 3);
}
