#include "compare/planning.hpp"

#include <doctest/doctest.h>

#include "gmoe/model/accounting.hpp"
#include "session/session.hpp"

using compare::comparison_request;
using compare::equality;
using compare::run_plan;

namespace {

comparison_request request_of(std::vector<std::string> variants, equality equal = equality::tokens) {
  return {.variants = std::move(variants),
          .settings = {},
          .equal = equal,
          .start = {.variant = "",
                    .shape = {.d_model = 32, .layers = 4, .heads = 2, .d_ff = 64, .experts = 8},
                    .how = {.steps = 300, .batch = 2, .sequence = 32}}};
}
std::vector<run_plan> plan(const comparison_request& request) {
  return compare::make_plans(request, [](const run_plan& p) { return p.variant == "gmoe" ? 0.03 : 0.01; });
}
examples::parameter_counts counts(const run_plan& p) { return examples::count_parameters(p.variant, p.shape, p.card); }

}  // namespace

TEST_CASE("compare/planning: seed by seed, with the dense baseline at equal active parameters") {
  const auto plans = plan(request_of({"gmoe", "switch"}));
  REQUIRE(plans.size() == 9);
  const char* const order[] = {"gmoe", "switch", "dense"};
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(plans[i].variant == order[i % 3]);
    CHECK(plans[i].how.seed == 42 + i / 3);
    CHECK(plans[i].how.steps == 300);
  }
  CHECK(plans[1].match.is_null());
  CHECK(plans[2].match["field"] == "d_ff");
  CHECK(static_cast<double>(counts(plans[2]).active) / static_cast<double>(counts(plans[0]).active) ==
        doctest::Approx(1).epsilon(compare::match_tolerance));
  CHECK(compare::match_text(plans[1]).empty());
  CHECK(compare::match_text(plans[2]).starts_with("dense: d_ff = 128 instead of 64, for "));
  CHECK(compare::match_text(plans[2]).ends_with(" active parameters\n"));
}

TEST_CASE("compare/planning: dense is a variant like others if it is asked for") {
  auto request = request_of({"dense", "gmoe"});
  CHECK(plan(request).size() == 6);
  CHECK(plan(request)[0].match.is_null());  // the first is the measure
  request.variants = {"gmoe", "dense"};
  request.dense_baseline = false;
  CHECK(plan(request)[1].match.is_null());
  request.variants = {"gmoe"};
  request.seeds = 1;
  CHECK(plan(request).size() == 1);
}

TEST_CASE("compare/planning: equal operations, seconds and parameters") {
  const auto flops = [](const run_plan& p) {
    return p.tokens_per_step() * static_cast<double>(p.how.steps) *
           gmoe::training_flops_per_token(counts(p).multiply_adds, p.shape, p.how.sequence);
  };
  const std::vector<std::string> variants{"gmoe", "switch", "deepseek-moe"};
  const auto by_flops = plan(request_of(variants, equality::flops));
  for (const run_plan& p : by_flops)
    CHECK(flops(p) / flops(by_flops[0]) == doctest::Approx(1).epsilon(compare::match_tolerance));
  CHECK(by_flops[1].how.steps != 300);
  CHECK(by_flops[1].match["field"] == "steps");
  CHECK(by_flops[3].match["sizes"]["field"] == "d_ff");  // dense

  const auto by_seconds = plan(request_of(variants, equality::seconds));
  CHECK(by_seconds[0].how.steps == 300);
  CHECK(by_seconds[1].how.steps == 900);

  const auto by_parameters = plan(request_of(variants, equality::parameters));
  for (const run_plan& p : by_parameters)
    CHECK(static_cast<double>(counts(p).total) / static_cast<double>(counts(by_parameters[0]).total) ==
          doctest::Approx(1).epsilon(compare::match_tolerance));
  const auto by_active = plan(request_of(variants, equality::active));
  for (const run_plan& p : by_active)
    CHECK(static_cast<double>(counts(p).active) / static_cast<double>(counts(by_active[0]).active) ==
          doctest::Approx(1).epsilon(compare::match_tolerance));
}

TEST_CASE("compare/planning: names, and what does not fit") {
  for (const std::string& name : compare::equality_names())
    CHECK(compare::name_of(compare::equality_named(name)) == name);
  CHECK_THROWS_WITH_AS(compare::equality_named("flop"), "there is no equality 'flop'; did you mean 'flops'?",
                       gmoe::config_error);
  auto request = request_of({"gmoe"});
  request.start.how.sequence = 999;
  CHECK_THROWS_WITH_AS(plan(request), "sequence = 999 is longer than positions = 256", gmoe::config_error);
}
