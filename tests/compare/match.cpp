#include "compare/match.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

using compare::match_kind;
using compare::match_sizes;
using gmoe::index_t;

namespace {

// A mixture with top-2 of N experts, each split in parts.
constexpr index_t parts = 4;

std::optional<index_t> total(const gmoe::sizes& s) {
  if (s.experts < 2 || s.d_ff % parts != 0) return std::nullopt;
  return 5000 + s.experts * (2 * s.d_model * s.d_ff + s.d_model);
}
std::optional<index_t> active(const gmoe::sizes& s) {
  if (s.experts < 2 || s.d_ff % parts != 0) return std::nullopt;
  return 5000 + 2 * 2 * s.d_model * s.d_ff;
}
std::optional<index_t> dense(const gmoe::sizes& s) { return 5000 + 2 * s.d_model * s.d_ff; }

const gmoe::sizes start{.d_model = 32, .d_ff = 128, .experts = 8};

// The distance that the best value of a field leaves.
template <class Counter>
index_t least_distance(index_t gmoe::sizes::*field, index_t target, const Counter& count) {
  index_t least = std::abs(*count(start) - target);
  for (index_t v = 1; v < 5000; ++v) {
    gmoe::sizes s = start;
    s.*field = v;
    if (const auto c = count(s)) least = std::min(least, std::abs(*c - target));
  }
  return least;
}

}  // namespace

TEST_CASE("compare/match: total parameters by the number of experts within 1 %, else by whatever comes nearest") {
  int by_experts = 0;
  for (const index_t target : {6000, 21000, 100000, 123456, 3000000, 20000000}) {
    gmoe::sizes s = start;
    const auto note = match_sizes(s, match_kind::total, target, total);
    CAPTURE(target);
    const index_t experts = least_distance(&gmoe::sizes::experts, target, total);
    const index_t width = least_distance(&gmoe::sizes::d_ff, target, total);
    const bool near = experts <= target / 100;
    by_experts += near;
    CHECK(std::abs(*total(s) - target) == (near ? experts : std::min(experts, width)));
    REQUIRE(note.is_object());
    const bool expected = near || experts <= width;
    CHECK(note["field"] == (expected ? "experts" : "d_ff"));
    CHECK(note["from"] == (expected ? 8 : 128));
    CHECK(note["to"] == (expected ? s.experts : s.d_ff));
    CHECK((expected ? s.d_ff == start.d_ff : s.experts == start.experts));
    CHECK(note["target"] == target);
    CHECK(note["reached"] == *total(s));
  }
  CHECK(by_experts >= 2);
  CHECK(by_experts <= 5);
}

TEST_CASE("compare/match: where experts change nothing, and for active parameters, it is d_ff") {
  for (const index_t target : {9000, 40000, 123456}) {
    gmoe::sizes s = start;
    CHECK(match_sizes(s, match_kind::total, target, dense)["field"] == "d_ff");
    CHECK(std::abs(*dense(s) - target) == least_distance(&gmoe::sizes::d_ff, target, dense));
    s = start;
    CHECK(match_sizes(s, match_kind::active, target, active)["field"] == "d_ff");
    CHECK(s.experts == start.experts);
    CHECK(s.d_ff % parts == 0);
    CHECK(std::abs(*active(s) - target) == least_distance(&gmoe::sizes::d_ff, target, active));
  }
}

TEST_CASE("compare/match: nothing is changed that need not or cannot be") {
  gmoe::sizes s = start;
  CHECK(match_sizes(s, match_kind::none, 1, total).is_null());
  CHECK(match_sizes(s, match_kind::total, *total(start), total).is_null());
  CHECK(s.experts == start.experts);
  // Nearer than the neighbouring numbers of experts already.
  CHECK(match_sizes(s, match_kind::total, *total(start) + 100, total).is_null());
  CHECK(s.experts == start.experts);
  s.experts = 1;  // no model at all: left for whoever builds it to complain
  CHECK(match_sizes(s, match_kind::total, 100000, total).is_null());
  CHECK(s.experts == 1);
}
