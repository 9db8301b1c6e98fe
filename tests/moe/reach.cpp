#include "gmoe/moe/reach.hpp"

#include <doctest/doctest.h>

#include "gmoe/core/text.hpp"
#include "gmoe/moe/slots.hpp"

using namespace gmoe;

namespace {

struct silent {
  using slot = slots::score;
};
struct looks_back {
  using slot = slots::score;
  static constexpr reach reaches = reach::past;
};
struct learns_from_others {
  using slot = slots::score;
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;
};
template <class Of>
struct looks_around {
  using slot = slots::score;
  Of of{};
};

}  // namespace

TEST_CASE("moe/reach: what a policy says, in training and in evaluation") {
  static_assert(reach_of<silent>(true) == reach::token && reach_of<silent>(false) == reach::token);
  static_assert(reach_of<looks_back>(true) == reach::past && reach_of<looks_back>(false) == reach::past);
  static_assert(reach_of<learns_from_others>(true) == reach::batch);
  static_assert(reach_of<learns_from_others>(false) == reach::token);
  CHECK(to_text(reach::sequence) == "sequence");
  reach r{};
  CHECK(from_text("batch", r));
  CHECK(r == reach::batch);
}

TEST_CASE("moe/reach: a wrapper looks as far as what it wraps") {
  static_assert(reach_of<looks_around<looks_back>>(true) == reach::past);
  static_assert(reach_of<looks_around<looks_around<learns_from_others>>>(true) == reach::batch);
  CHECK(reach_of<looks_around<looks_around<learns_from_others>>>(false) == reach::token);
}
