#include "planning.hpp"

#include <algorithm>
#include <cmath>

#include "../session/session.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/model/accounting.hpp"
#include "match.hpp"

namespace compare {

namespace {

/// What a plan's model costs.
examples::parameter_counts counts_of(const run_plan& plan) {
  return examples::count_parameters(plan.variant, plan.shape, plan.card);
}
double flops_per_step(const run_plan& plan) {
  return plan.tokens_per_step() *
         gmoe::training_flops_per_token(counts_of(plan).multiply_adds, plan.shape, plan.how.sequence);
}

index_t number(const examples::parameter_counts& c, match_kind kind) {
  return kind == match_kind::active ? c.active : c.total;
}

/// Which sizes are matched: those of all variants, or those of the dense baseline.
match_kind sizes_to_match(const comparison_request& request, const std::string& variant) {
  if (request.equal == equality::parameters) return match_kind::total;
  if (request.equal == equality::active) return match_kind::active;
  return request.dense_baseline && variant == "dense" ? match_kind::active : match_kind::none;
}

void fit_sizes(run_plan& plan, match_kind kind, const run_plan& first) {
  if (kind == match_kind::none) return;
  plan.match = match_sizes(plan.shape, kind, number(counts_of(first), kind),
                           [&](const gmoe::sizes& s) -> std::optional<index_t> {
                             try {
                               return number(examples::count_parameters(plan.variant, s, plan.card), kind);
                             } catch (const gmoe::config_error&) {
                               return std::nullopt;
                             }
                           });
  if (!plan.match.is_null()) plan.match["of"] = kind == match_kind::active ? "active parameters" : "parameters";
}

/// As many steps as cost what those of the first variant cost.
void fit_steps(run_plan& plan, const char* of, double step_cost, double first_step_cost) {
  const std::int64_t before = plan.how.steps;
  const double target = static_cast<double>(before) * first_step_cost;
  plan.how.steps = std::max<std::int64_t>(1, std::llround(target / step_cost));
  if (plan.how.steps == before) return;
  json changed{{"field", "steps"}, {"from", before},   {"to", plan.how.steps},
               {"of", of},         {"target", target}, {"reached", static_cast<double>(plan.how.steps) * step_cost}};
  if (!plan.match.is_null()) changed["sizes"] = plan.match;
  plan.match = std::move(changed);
}

}  // namespace

const std::vector<std::string>& equality_names() {
  static const std::vector<std::string> names{"tokens", "flops", "seconds", "parameters", "active"};
  return names;
}
std::string name_of(equality what) { return equality_names()[static_cast<std::size_t>(what)]; }
equality equality_named(const std::string& name) {
  const auto at = std::find(equality_names().begin(), equality_names().end(), name);
  gmoe::require(at != equality_names().end(), "there is no equality '", name, "'; did you mean '",
                gmoe::nearest_name(name, equality_names()), "'?");
  return static_cast<equality>(at - equality_names().begin());
}

std::vector<run_plan> make_plans(const comparison_request& request, const stopwatch& seconds_per_step) {
  const gmoe::recipe& how = request.start.how;
  gmoe::check_recipe(how);
  gmoe::require(how.sequence <= request.start.shape.positions, "sequence = ", how.sequence,
                " is longer than positions = ", request.start.shape.positions);
  std::vector<std::string> variants = request.variants;
  if (request.dense_baseline && std::find(variants.begin(), variants.end(), "dense") == variants.end())
    variants.push_back("dense");
  std::vector<run_plan> plans;
  for (const std::string& variant : variants) {
    run_plan plan = request.start;
    plan.variant = variant;
    plan.card = examples::settings_for(variant, request.settings);
    try {
      if (!plans.empty()) fit_sizes(plan, sizes_to_match(request, variant), plans.front());
      counts_of(plan);
    } catch (const gmoe::config_error& e) {
      throw gmoe::config_error(gmoe::concat("variant '", variant, "': ", e.what()));
    }
    plans.push_back(std::move(plan));
  }
  for (std::size_t i = 1; i < plans.size(); ++i) {
    if (request.equal == equality::flops)
      fit_steps(plans[i], "floating point operations", flops_per_step(plans[i]), flops_per_step(plans[0]));
    if (request.equal == equality::seconds)
      fit_steps(plans[i], "seconds", seconds_per_step(plans[i]), seconds_per_step(plans[0]));
  }
  const std::size_t count = plans.size();
  for (std::size_t i = count; i < count * request.seeds; ++i) {
    plans.push_back(plans[i - count]);
    ++plans.back().how.seed;
  }
  return plans;
}

std::string match_text(const run_plan& plan) {
  if (plan.match.is_null()) return "";
  const auto line = [&](const json& m) {
    const double target = m.at("target"), reached = m.at("reached");
    const auto shown = [&](const char* key) {  // parameters are whole
      return m.at(key).is_number_integer() ? gmoe::concat(m[key].get<index_t>()) : gmoe::concat(m[key].get<double>());
    };
    std::string text = gmoe::concat(plan.variant, ": ", m.at("field").get<std::string>(), " = ",
                                    m.at("to").get<index_t>(), " instead of ", m.at("from").get<index_t>(), ", for ",
                                    shown("reached"), " ", m.at("of").get<std::string>());
    if (const double off = std::abs(reached / target - 1); off > match_tolerance)
      text += gmoe::concat(" (as near as it comes: ", std::round(1000 * off) / 10, " % from ", shown("target"), ")");
    return text + "\n";
  };
  return (plan.match.contains("sizes") ? line(plan.match["sizes"]) : "") + line(plan.match);
}

}  // namespace compare
