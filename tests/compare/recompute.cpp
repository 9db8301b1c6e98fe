// recompute RESULTS.json FOLDER
//
// Computes what a comparison says about its runs once more, from the files of the finished runs in FOLDER, by other
// means and without the library: means, deviations, paired intervals, verdicts, fitted curves and speedups. Ends with 1
// and one line per value that differs.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

using nlohmann::json;
using real = long double;

int checked = 0, wrong = 0;

void expect(const std::string& what, const json& found, real expected) {
  ++checked;
  const real value = found.is_number() ? found.get<double>() : NAN;
  if (std::fabs(value - expected) <= 1e-8L * std::fabs(expected) + 1e-12L) return;
  ++wrong;
  std::printf("%s is %s, recomputed as %.12Lg\n", what.c_str(), found.dump().c_str(), expected);
}
/// For what depends on a fit.
void expect_near(const std::string& what, const json& found, real expected) {
  ++checked;
  const real value = found.is_number() ? found.get<double>() : NAN;
  if (std::fabs(value - expected) <= 1e-3L * std::fabs(expected) + 1e-6L) return;
  ++wrong;
  std::printf("%s is %s, recomputed as %.12Lg\n", what.c_str(), found.dump().c_str(), expected);
}
void expect_same(const std::string& what, const json& found, const json& expected) {
  ++checked;
  if (found == expected) return;
  ++wrong;
  std::printf("%s is %s, recomputed as %s\n", what.c_str(), found.dump().c_str(), expected.dump().c_str());
}

real mean(const std::vector<real>& x) {
  real sum = 0;
  for (const real v : x) sum += v;
  return sum / static_cast<real>(x.size());
}
/// By the differences of all pairs: sum_{i<j} (x_i - x_j)^2 / (n (n - 1)).
real deviation(const std::vector<real>& x) {
  real sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) sum += (x[i] - x[j]) * (x[i] - x[j]);
  return std::sqrt(sum / static_cast<real>(x.size() * (x.size() - 1)));
}

/// The integral of cos^power from 0 to `end`, by Simpson's rule.
real integral(int power, real end) {
  const int parts = 4000;
  const real h = end / parts;
  const auto f = [&](real x) { return std::pow(std::cos(x), static_cast<real>(power)); };
  real sum = f(0) + f(end);
  for (int i = 1; i < parts; ++i) sum += (i % 2 ? 4 : 2) * f(i * h);
  return sum * h / 3;
}
/// Student's t: with t = sqrt(n) tan h the density of h is proportional to cos^(n-1) h.
real student(real level, int degrees) {
  static std::map<int, real> known;
  const auto found = known.find(degrees);
  if (found != known.end()) return found->second;
  const real quarter = std::acos(-1.0L) / 2, whole = integral(degrees - 1, quarter);
  real low = 0, high = quarter;
  for (int i = 0; i < 60; ++i) {
    const real middle = (low + high) / 2;
    (integral(degrees - 1, middle) < level * whole ? low : high) = middle;
  }
  return known[degrees] = std::sqrt(static_cast<real>(degrees)) * std::tan(low);
}

/// Settings of a run -> the run's own file.
using logs = std::map<std::string, json>;

/// The number of a run: from its file, or derived from what is there; those of paths in common blocks take what the
/// comparison says of the run.
bool number_of(const json& raw, const json& run, const std::string& key, real& value) {
  if (key == "mean_load_cv") {
    std::vector<real> cv;
    for (const json& c : raw.at("load_cv")) cv.push_back(c.get<double>());
    if (cv.empty()) return false;
    value = mean(cv);
    return true;
  }
  const json& from = raw.contains(key) ? raw : run;
  if (!from.contains(key) || !from[key].is_number()) return false;
  value = from[key].get<double>();
  return true;
}

class recomputation {
 public:
  recomputation(const json& results, const logs& raw) : results_(results) {
    for (const json& run : results.at("runs")) {
      const std::string variant = run.at("variant");
      const std::uint64_t seed = run.at("seed");
      const auto file = raw.find(run.at("settings").dump());
      if (file == raw.end()) {
        ++wrong;
        std::printf("there is no log of %s with seed %llu\n", variant.c_str(), static_cast<unsigned long long>(seed));
        continue;
      }
      if (runs_.find(variant) == runs_.end()) order_.push_back(variant);
      runs_[variant][seed] = {&file->second, &run};
    }
  }

  void summary() const {
    expect_same("variants", results_.at("summary").size(), order_.size());
    for (const json& row : results_.at("summary")) {
      const std::string variant = row.at("variant");
      const auto& runs = runs_.at(variant);
      expect_same(variant + ".seeds", row.at("seeds"), runs.size());
      for (const auto& [key, value] : row.items()) {
        if (!value.is_object() || !value.contains("mean")) continue;
        std::vector<real> all;
        real x = 0;
        for (const auto& [seed, run] : runs)
          if (number_of(*run.first, *run.second, key, x)) all.push_back(x);
        expect(variant + "." + key + ".mean", value["mean"], mean(all));
        if (all.size() > 1) expect(variant + "." + key + ".deviation", value.at("deviation"), deviation(all));
      }
    }
  }

  void differences() {
    const std::size_t n = order_.size();
    expect_same("pairs", results_.at("differences").size(), n * (n - 1) / 2);
    for (const json& pair : results_.at("differences")) {
      const std::string a = pair.at("a"), b = pair.at("b");
      for (const auto& [key, value] : pair.items()) {
        if (!value.is_object()) continue;
        std::vector<real> d;
        real x = 0, y = 0;
        for (const auto& [seed, run] : runs_.at(a))
          if (const auto other = runs_.at(b).find(seed); other != runs_.at(b).end() &&
                                                         number_of(*run.first, *run.second, key, x) &&
                                                         number_of(*other->second.first, *other->second.second, key, y))
            d.push_back(y - x);
        const std::string what = b + " - " + a + ", " + key;
        expect_same(what + ".seeds", value.at("seeds"), d.size());
        expect(what + ".mean", value.at("mean"), mean(d));
        if (d.size() < 2) {
          expect_same(what + ".verdict", value.at("verdict"), "noise");
          continue;
        }
        const real half = student(results_.at("interval_level").get<double>(), static_cast<int>(d.size()) - 1) *
                          deviation(d) / std::sqrt(static_cast<real>(d.size()));
        expect(what + ".deviation", value.at("deviation"), deviation(d));
        expect(what + ".low", value.at("low"), mean(d) - half);
        expect(what + ".high", value.at("high"), mean(d) + half);
        const bool more_is_better = key == "tokens_per_second";
        const int sign = mean(d) - half > 0 ? 1 : mean(d) + half < 0 ? -1 : 0;
        expect_same(what + ".verdict", value.at("verdict"),
                    sign == 0                      ? "noise"
                    : (sign > 0) == more_is_better ? "better"
                                                   : "worse");
        beats_[key][{b, a}] = sign != 0 && (sign > 0) == more_is_better;
        beats_[key][{a, b}] = sign != 0 && (sign > 0) != more_is_better;
      }
    }
  }

  /// "best" beats all others; "tied" has the best mean, or is not beaten by who has it.
  void verdicts() {
    for (auto& [key, beats] : beats_) {
      std::string best;
      real best_mean = 0;
      for (const json& row : results_.at("summary")) {
        if (row.at(key).is_null()) continue;
        const real value = row[key].at("mean").get<double>() * (key == "tokens_per_second" ? -1 : 1);
        if (best.empty() || value < best_mean) best = row.at("variant"), best_mean = value;
      }
      for (const json& row : results_.at("summary")) {
        if (row.at(key).is_null()) continue;
        const std::string variant = row.at("variant");
        bool all = true;
        for (const json& other : results_.at("summary"))
          if (other.at("variant") != variant && !other.at(key).is_null())
            all = all && beats[{variant, other["variant"].get<std::string>()}];
        const bool tied = variant == best || !beats[{best, variant}];
        expect_same(variant + "." + key + " verdict", row.at("verdicts").at(key),
                    variant == best && all ? "best"
                    : tied                 ? "tied"
                                           : "behind");
      }
    }
  }

  /// L = limit + scale C^-exponent by looking around in ever finer grids of limit and exponent.
  void speedup() const {
    const json& speedup = results_.at("speedup");
    if (speedup.at("curve").is_null()) return;
    std::vector<std::pair<real, real>> points;
    for (const auto& [seed, run] : runs_.at(speedup.at("baseline").get<std::string>()))
      for (const auto& p : curve(*run.first)) points.push_back(p);
    const auto powers = [&](real exponent) {
      std::vector<real> g;
      for (const auto& [cost, loss] : points) g.push_back(std::pow(cost, -exponent));
      return g;
    };
    const auto scale_and_error = [&](real limit, const std::vector<real>& g) {
      real gg = 0, gl = 0, squares = 0;
      for (std::size_t i = 0; i < g.size(); ++i) {
        gg += g[i] * g[i];
        gl += g[i] * (points[i].second - limit);
      }
      for (std::size_t i = 0; i < g.size(); ++i) {
        const real missed = points[i].second - limit - gl / gg * g[i];
        squares += missed * missed;
      }
      return std::pair{gl / gg, std::sqrt(squares / static_cast<real>(points.size()))};
    };
    real lowest = points.front().second;
    for (const auto& [cost, loss] : points) lowest = std::min(lowest, loss);
    real limit = lowest / 2, limit_step = lowest / 40, logarithm = std::log(0.3L), step = std::log(1000.0L) / 40;
    for (int round = 0; round < 60; ++round) {
      real best = INFINITY, best_limit = limit, best_logarithm = logarithm;
      for (int k = -20; k <= 20; ++k) {
        const real x = logarithm + k * step;
        const std::vector<real> g = powers(std::exp(x));
        for (int i = -20; i <= 20; ++i) {
          const real l = std::max(limit + i * limit_step, 0.0L);
          if (const real error = scale_and_error(l, g).second; error < best)
            best = error, best_limit = l, best_logarithm = x;
        }
      }
      limit = best_limit;
      logarithm = best_logarithm;
      limit_step *= 0.6L;
      step *= 0.6L;
    }
    const real exponent = std::exp(logarithm);
    const auto [scale, error] = scale_and_error(limit, powers(exponent));
    const json& found = speedup["curve"];
    ++checked;
    if (std::fabs(found.at("residual").get<double>() - error) > 1e-6L * error + 1e-12L) {
      ++wrong;
      std::printf("the curve's residual is %s, recomputed as %.12Lg\n", found["residual"].dump().c_str(), error);
    }
    expect_near("the curve's limit", found.at("limit"), limit);
    expect_near("the curve's exponent", found.at("exponent"), exponent);
    expect_same("the curve's points", found.at("points"), points.size());
    const auto [first, last] = std::minmax_element(points.begin(), points.end());
    expect("the curve's first", found.at("first"), first->first);
    expect("the curve's last", found.at("last"), last->first);
    for (const json& row : speedup.at("variants")) {
      const std::string variant = row.at("variant");
      std::vector<real> tokens, losses;
      for (const auto& [seed, run] : runs_.at(variant)) {
        const auto end = curve(*run.first).back();
        tokens.push_back(end.first);
        losses.push_back(end.second);
      }
      expect(variant + " at the end", row.at("loss"), mean(losses));
      expect(variant + " at the end, tokens", row.at("tokens"), mean(tokens));
      if (mean(losses) <= limit * (1 + 1e-4L)) continue;  // hardly or never reached
      const real cost = std::pow(scale / (mean(losses) - limit), 1 / exponent);
      expect_near(variant + " speedup", row.at("factor"), cost / mean(tokens));
      const auto of = [&](const std::string& who, const auto& value) {
        std::vector<real> all;
        for (const auto& [seed, run] : runs_.at(who)) all.push_back(value(*run.first));
        return mean(all);
      };
      const std::string baseline = speedup["baseline"];
      const auto flops = [](const json& run) { return real(run.at("training_flops_per_token").get<double>()); };
      const auto seconds = [](const json& run) {
        return real(run.at("training_seconds").get<double>()) / run.at("training_tokens").get<double>();
      };
      expect_near(variant + " speedup in operations", row.at("flops_factor"),
                  cost / mean(tokens) * of(baseline, flops) / of(variant, flops));
      expect_near(variant + " speedup in seconds", row.at("seconds_factor"),
                  cost / mean(tokens) * of(baseline, seconds) / of(variant, seconds));
      if (std::fabs(cost / last->first - 1) > 1e-3L && std::fabs(cost / first->first - 1) > 1e-3L)
        expect_same(variant + " extrapolated", row.at("extrapolated"), cost < first->first || cost > last->first);
    }
  }

 private:
  /// Tokens and validation losses from three tenths of the steps on.
  static std::vector<std::pair<real, real>> curve(const json& run) {
    const json& how = run.at("settings").at("recipe");
    std::vector<std::pair<real, real>> points;
    for (const json& p : run.at("curve").at("same_tokens"))
      if (10 * p[0].get<double>() >= 3 * how.at("steps").get<double>())
        points.push_back({real(p[0].get<double>()) * how.at("batch").get<double>() *
                              how.at("accumulation").get<double>() * how.at("sequence").get<double>(),
                          p[1].get<double>()});
    return points;
  }

  const json& results_;
  std::vector<std::string> order_;
  std::map<std::string, std::map<std::uint64_t, std::pair<const json*, const json*>>> runs_;
  std::map<std::string, std::map<std::pair<std::string, std::string>, bool>> beats_;  ///< of each number
};

json read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return json::parse(file);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "recompute RESULTS.json FOLDER\n");
    return 2;
  }
  const json results = read(argv[1]);
  logs raw;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) {
    if (entry.path().extension() != ".json") continue;
    json run = read(entry.path());
    if (!run.contains("settings")) continue;
    const std::string settings = run["settings"].dump();
    raw[settings] = std::move(run);
  }
  recomputation again(results, raw);
  again.summary();
  again.differences();
  again.verdicts();
  again.speedup();
  std::printf("%d values recomputed from %zu logs, %d differ\n", checked, raw.size(), wrong);
  return wrong == 0 && checked > 0 ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "recompute: %s\n", e.what());
  return 1;
}
