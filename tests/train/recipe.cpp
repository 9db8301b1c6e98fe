#include "gmoe/train/recipe.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace {

std::string refusal(const auto& change) {
  gmoe::recipe r;
  change(r);
  try {
    gmoe::check_recipe(r);
  } catch (const gmoe::config_error& e) {
    return e.what();
  }
  return "";
}

constexpr auto largest = std::numeric_limits<gmoe::index_t>::max();
constexpr double infinite = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("train/recipe: numbers whose products do not fit are refused, each by its name") {
  using r = gmoe::recipe;
  CHECK(refusal([](r&) {}) == "");
  CHECK(refusal([](r& x) { x.sequence = largest; }) == "sequence is 9223372036854775807, expected at most 2147483647");
  CHECK(refusal([](r& x) { x.batch = largest; }) == "batch is 9223372036854775807, expected at most 2147483647");
  CHECK(refusal([](r& x) { x.steps = largest; }) ==
        "steps * accumulation * batch = 9223372036854775807 * 1 * 16 is too large");
  CHECK(refusal([](r& x) { x.accumulation = largest / 2; }) ==
        "steps * accumulation * batch = 600 * 4611686018427387903 * 16 is too large");
  CHECK(refusal([](r& x) {
          x.steps = 0;
          x.accumulation = largest / 2;
        }) == "steps * accumulation * batch = 0 * 4611686018427387903 * 16 is too large");
  CHECK(refusal([](r& x) { x.steps = largest / 16; }) == "");
}

TEST_CASE("train/recipe: what is not finite is refused") {
  using r = gmoe::recipe;
  CHECK(refusal([](r& x) { x.learning_rate = infinite; }) == "learning_rate is inf, expected a finite number");
  CHECK(refusal([](r& x) { x.epsilon = infinite; }) == "epsilon is inf, expected a finite number");
  CHECK(refusal([](r& x) { x.weight_decay = infinite; }) == "weight_decay is inf, expected a finite number");
  CHECK(refusal([](r& x) { x.clip_norm = infinite; }) == "clip_norm is inf, expected a finite number");
  CHECK(refusal([](r& x) { x.clip_norm = -infinite; }) == "clip_norm is -inf, expected a finite number");
  CHECK(refusal([](r& x) { x.beta1 = infinite - infinite; }) != "");
  CHECK(refusal([](r& x) { x.warmup_fraction = infinite - infinite; }) != "");
}
