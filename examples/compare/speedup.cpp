#include "speedup.hpp"

#include <cmath>
#include <cstdint>

#include "gmoe/analysis/power_law.hpp"

namespace compare {

namespace {

double tokens_per_step(const json& run) {
  const json& how = run.at("settings").at("recipe");
  return how.at("batch").get<double>() * how.at("accumulation").get<double>() * how.at("sequence").get<double>();
}

/// Validation losses over tokens, from where they are fitted.
std::vector<gmoe::curve_point> curve_of(const json& run) {
  const double from = fitted_from * run.at("settings").at("recipe").at("steps").get<double>();
  std::vector<gmoe::curve_point> points;
  for (const json& p : run.at("curve").at("same_tokens"))
    if (p[0].get<double>() >= from) points.push_back({p[0].get<double>() * tokens_per_step(run), p[1].get<double>()});
  return points;
}

/// Means over the seeds of one variant.
struct variant_end {
  double seeds = 0, tokens = 0, loss = 0, flops_per_token = 0, seconds_per_token = 0;
};
variant_end end_of(const std::vector<json>& runs, const std::string& variant) {
  variant_end m;
  for (const json& run : runs) {
    if (run.at("variant") != variant) continue;
    const json& last = run.at("curve").at("same_tokens").back();
    m.seeds += 1;
    m.tokens += last[0].get<double>() * tokens_per_step(run);
    m.loss += last[1].get<double>();
    m.flops_per_token += run.at("training_flops_per_token").get<double>();
    m.seconds_per_token += run.at("training_seconds").get<double>() / run.at("training_tokens").get<double>();
  }
  for (double* sum : {&m.tokens, &m.loss, &m.flops_per_token, &m.seconds_per_token}) *sum /= m.seeds;
  return m;
}

/// The last point of a variant's curves at which the baseline's curve need not be extrapolated.
json within(const gmoe::power_law& law, const std::vector<json>& runs, const std::string& variant) {
  json found = nullptr;
  double cost = 0;
  for (const json& run : runs) {
    if (run.at("variant") != variant) continue;
    for (const gmoe::curve_point& p : curve_of(run)) {
      const auto speedup = gmoe::speedup_over(law, p);
      if (!speedup || speedup->extrapolated || p.cost <= cost) continue;
      cost = p.cost;
      found = {{"tokens", p.cost}, {"loss", p.loss}, {"factor", speedup->factor}};
    }
  }
  return found;
}

}  // namespace

json speedups_over(const std::string& baseline, const std::vector<json>& runs) {
  json all{{"baseline", baseline}, {"curve", nullptr}, {"variants", json::array()}};
  std::vector<gmoe::curve_point> points;
  for (const json& run : runs)
    if (run.at("variant") == baseline)
      for (const gmoe::curve_point& p : curve_of(run)) points.push_back(p);
  const auto law = gmoe::fit_power_law(points);
  if (!law) return all;
  all["curve"] = {{"limit", law->limit},       {"scale", law->scale}, {"exponent", law->exponent},
                  {"residual", law->residual}, {"first", law->first}, {"last", law->last},
                  {"points", law->points}};
  const variant_end base = end_of(runs, baseline);
  std::string before;
  for (const json& run : runs) {
    const std::string variant = run.at("variant");
    if (variant == before || variant == baseline) continue;
    before = variant;
    const variant_end end = end_of(runs, variant);
    const auto speedup = gmoe::speedup_over(*law, {end.tokens, end.loss});
    json row{{"variant", variant}, {"loss", end.loss}, {"tokens", end.tokens}};
    row["factor"] = row["flops_factor"] = row["seconds_factor"] = row["extrapolated"] = nullptr;
    if (speedup) {
      row["factor"] = speedup->factor;
      row["flops_factor"] = speedup->factor * base.flops_per_token / end.flops_per_token;
      row["seconds_factor"] = speedup->factor * base.seconds_per_token / end.seconds_per_token;
      row["extrapolated"] = speedup->extrapolated;
    }
    row["within_residual"] = std::abs(end.loss - base.loss) <= law->residual;
    row["within"] = within(*law, runs, variant);
    all["variants"].push_back(std::move(row));
  }
  return all;
}

}  // namespace compare
