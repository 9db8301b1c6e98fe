// What every communicator promises, on threads; and the fixed tree.

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "gmoe/ranks/any.hpp"
#include "gmoe/ranks/collective.hpp"
#include "gmoe/ranks/threads.hpp"
#include "ranks/exchange.hpp"

namespace ranks = gmoe::ranks;

namespace {

/// The sentence that a run on threads ends with.
template <class F>
std::string how_it_ends(int size, const F& f, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  try {
    ranks::run_on_threads(size, f, patience);
  } catch (const gmoe::rank_error& e) {
    return e.what();
  }
  return "well";
}

/// As the page of sum_tree has it, in words: "((0+1)+(2+3))+4".
std::string order_of(gmoe::index_t leaves) {
  ranks::sum_tree<std::string> tree;
  const auto add = [](std::string& to, const std::string& right) { to = "(" + to + "+" + right + ")"; };
  for (gmoe::index_t i = 0; i < leaves; ++i) tree.push({i, 1}, std::to_string(i), add);
  tree.finish(add);
  return tree.parts().front().sum;
}

}  // namespace

TEST_CASE("ranks/sum_tree: the order of additions, written out") {
  CHECK(order_of(1) == "0");
  CHECK(order_of(2) == "(0+1)");
  CHECK(order_of(3) == "((0+1)+2)");
  CHECK(order_of(5) == "(((0+1)+(2+3))+4)");
  CHECK(order_of(7) == "(((0+1)+(2+3))+((4+5)+6))");
}

TEST_CASE("ranks/sum_tree: the order does not depend on how consecutive leaves are shared") {
  const auto add = [](std::string& to, const std::string& right) { to = "(" + to + "+" + right + ")"; };
  for (gmoe::index_t leaves = 1; leaves <= 12; ++leaves)
    for (int size = 1; size <= 14; ++size) {
      ranks::sum_tree<std::string> all;
      gmoe::index_t next = 0;
      for (int r = 0; r < size; ++r) {
        const ranks::leaves mine = ranks::share(leaves, r, size);
        CHECK(mine.first == next);
        next += mine.count;
        ranks::sum_tree<std::string> part;
        for (gmoe::index_t i = mine.first; i < next; ++i) part.push({i, 1}, std::to_string(i), add);
        std::vector<ranks::leaves> trees;
        for (auto& p : part.parts()) {
          trees.push_back(p.of);
          all.push(p.of, p.sum, add);
        }
        CHECK(trees == ranks::trees_of(mine));
      }
      CHECK(next == leaves);
      all.finish(add);
      CHECK(all.parts().front().sum == order_of(leaves));
    }
}

TEST_CASE("ranks/threads: what every communicator promises") {
  for (const int size : {1, 2, 3, 4}) {
    std::atomic<int> done = 0;
    ranks::run_on_threads(size, [&](ranks::threads here) {
      const std::string wrong = gmoe_test::wrong_with(here);
      if (!wrong.empty()) throw std::runtime_error(wrong);
      ++done;
    });
    CHECK(done == size);
  }
  CHECK(gmoe_test::wrong_with(ranks::alone{}).empty());
  CHECK(gmoe_test::wrong_with(ranks::any()).empty());
  std::atomic<int> through_any = 0;
  ranks::run_on_threads(3, [&](ranks::threads here) {
    const ranks::any one(here);
    through_any += one.rank() == here.rank() && one.size() == 3 && gmoe_test::wrong_with(one).empty();
  });
  CHECK(through_any == 3);
}

TEST_CASE("ranks/threads: a barrier is passed by nobody before all have come") {
  std::atomic<int> came = 0;
  CHECK(how_it_ends(4, [&](ranks::threads here) {
          for (int round = 1; round <= 100; ++round) {
            ++came;
            here.barrier();
            if (came < 4 * round) throw std::runtime_error("too early");
            here.barrier();
          }
        }) == "well");
  CHECK(came == 400);
}

TEST_CASE("ranks/threads: a rank that throws ends all others, with its number and its reason") {
  for (const int bad : {0, 2}) {
    std::atomic<int> heard = 0;
    const std::string said = how_it_ends(4, [&](ranks::threads here) {
      if (here.rank() == bad) throw std::runtime_error("the disk is on fire");
      try {
        here.barrier();
      } catch (const gmoe::rank_error& e) {
        if (e.what() == "rank " + std::to_string(bad) + " failed: the disk is on fire") ++heard;
        throw;
      }
    });
    CHECK(said == "rank " + std::to_string(bad) + " failed: the disk is on fire");
    CHECK(heard == 3);
  }
  CHECK(how_it_ends(2, [](ranks::threads here) {
          if (here.rank() == 1) throw 7;
          here.barrier();
        }) == "rank 1 failed: something that is no std::exception was thrown");
}

TEST_CASE("ranks/threads: a rank that does not come, or does something else, is named") {
  CHECK(how_it_ends(
            3,
            [](ranks::threads here) {
              if (here.rank() != 1) here.barrier();
            },
            std::chrono::milliseconds(1000))
            .find("s in barrier for rank 1") != std::string::npos);
  const std::string other = how_it_ends(2, [](ranks::threads here) {
    std::vector<std::byte> data(2);
    const std::vector<std::size_t> each(2, 1);
    if (here.rank() == 0)
      here.barrier();
    else
      here.all_gather(std::span(data).first(1), data, each);
  });
  CHECK(other.find("has called ") != std::string::npos);
  CHECK(other.find("the ranks do not run the same program") != std::string::npos);
  CHECK(how_it_ends(2, [](ranks::threads here) {
          std::vector<std::byte> data(here.rank() == 0 ? 3 : 5);
          here.broadcast(data, 0);
        }).find("a rank has sent 3 bytes where another takes 5") != std::string::npos);
  CHECK_THROWS_WITH(ranks::run_on_threads(0, [](ranks::threads) {}), "a run on 0 threads, expected at least 1");
}

TEST_CASE("ranks/collective: agree names the first rank that differs; on_first tells all of rank 0's failure") {
  CHECK(how_it_ends(3, [](ranks::threads here) {
          ranks::agree(here, "steps", "600");
          ranks::agree(here, "batch", here.rank() == 1 ? "8" : "16");
        }) == "batch of rank 1 is '8', but that of rank 0 is '16'");
  std::atomic<int> calls = 0, told = 0;
  CHECK(how_it_ends(3, [&](ranks::threads here) {
          ranks::on_first(here, [&] { ++calls; });
          try {
            ranks::on_first(here, [] { throw std::runtime_error("no space left"); });
          } catch (const std::exception& e) {
            told += std::string(e.what()) == (here.rank() == 0 ? "no space left" : "rank 0 failed: no space left");
          }
        }) == "well");
  CHECK(calls == 1);
  CHECK(told == 3);
  CHECK(how_it_ends(3, [](ranks::threads here) {
          if (ranks::of_first(here, [&] { return 10 + here.rank(); }) != 10) throw std::runtime_error("of_first");
          for (const int who : {0, 2})
            if (!ranks::any_of(here, here.rank() == who)) throw std::runtime_error("any_of");
          if (ranks::any_of(here, false)) throw std::runtime_error("any_of nobody");
        }) == "well");
}

TEST_CASE("ranks/message: what is put in comes out, and no more than that") {
  ranks::message m;
  m.put(7);
  m.put_text("seven");
  ranks::message copy(m.data());
  CHECK(copy.take<int>() == 7);
  CHECK(copy.take_text() == "seven");
  CHECK(copy.at_end());
  CHECK_THROWS_AS(copy.take<char>(), gmoe::rank_error);
  m.put(std::size_t{1} << 60);
  ranks::message long_text(m.data());
  long_text.take<int>();
  long_text.take_text();
  CHECK_THROWS_AS(long_text.take_text(), gmoe::rank_error);
}
