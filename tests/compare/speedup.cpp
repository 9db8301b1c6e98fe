#include "compare/speedup.hpp"

#include <doctest/doctest.h>

#include <cmath>

using compare::json;
using doctest::Approx;

namespace {

/// A run of 90 steps of 100 tokens whose loss is L(tokens) at every tenth from the thirtieth on.
template <class Loss>
json run_of(const std::string& variant, std::uint64_t seed, double flops, double seconds, const Loss& loss) {
  json r{{"variant", variant}, {"seed", seed}, {"training_flops_per_token", flops}};
  r["training_seconds"] = seconds;
  r["training_tokens"] = 9000;
  r["settings"]["recipe"] = {{"batch", 10}, {"accumulation", 1}, {"sequence", 10}, {"steps", 90}};
  r["curve"]["same_tokens"] = json::array({{5, 100.0}, {26, 50.0}});  // too early for the curve
  for (int step = 30; step <= 90; step += 10) r["curve"]["same_tokens"].push_back({step, loss(100.0 * step)});
  return r;
}

double base(double tokens) { return 1.5 + 40 * std::pow(tokens, -0.5); }

}  // namespace

TEST_CASE("compare/speedup: a variant that needs half the tokens") {
  const auto twice = [](double tokens) { return base(2 * tokens); };
  const auto slower = [](double tokens) { return base(0.5 * tokens); };
  const json s = compare::speedups_over(
      "dense", {run_of("gmoe", 1, 6, 3, twice), run_of("gmoe", 2, 6, 3, twice), run_of("slow", 1, 3, 1, slower),
                run_of("dense", 1, 3, 2, base), run_of("dense", 2, 3, 2, base)});
  CHECK(s["curve"]["limit"].get<double>() == Approx(1.5).epsilon(1e-4));
  CHECK(s["curve"]["exponent"].get<double>() == Approx(0.5).epsilon(1e-4));
  CHECK(s["curve"]["first"] == 3000);
  CHECK(s["curve"]["last"] == 9000);
  CHECK(s["curve"]["points"] == 14);
  REQUIRE(s["variants"].size() == 2);
  const json& gmoe = s["variants"][0];
  CHECK(gmoe["factor"].get<double>() == Approx(2).epsilon(1e-4));
  CHECK(gmoe["extrapolated"] == true);  // 18000 tokens of dense, which had 9000
  CHECK(gmoe["flops_factor"].get<double>() == Approx(1).epsilon(1e-4));
  CHECK(gmoe["seconds_factor"].get<double>() == Approx(2.0 * 2 / 3).epsilon(1e-4));
  CHECK(gmoe["within"]["tokens"] == 4000);
  CHECK(gmoe["within"]["factor"].get<double>() == Approx(2).epsilon(1e-4));
  const json& slow = s["variants"][1];
  CHECK(slow["factor"].get<double>() == Approx(0.5).epsilon(1e-4));
  CHECK(slow["extrapolated"] == false);
  CHECK(slow["within"]["tokens"] == 9000);
  CHECK(slow["within_residual"] == false);
}

TEST_CASE("compare/speedup: a loss below the limit is never reached; a curve that does not fall is none") {
  const auto below = [](double) { return 1.2; };
  const json s = compare::speedups_over("dense", {run_of("dense", 1, 3, 2, base), run_of("gmoe", 1, 6, 3, below)});
  CHECK(s["variants"][0]["factor"].is_null());
  CHECK(s["variants"][0]["extrapolated"].is_null());
  CHECK(s["variants"][0]["within"].is_null());
  CHECK(compare::speedups_over("gmoe", {run_of("gmoe", 1, 6, 3, below)})["curve"].is_null());
}
