// recompute RESULTS.json FOLDER
//
// Computes what a comparison says about its runs once more, from the files of the finished runs in FOLDER, by other
// means and without the library: means, deviations, paired intervals, verdicts, fitted curves and speedups, and from
// every likelihood of a choice the answers, accuracies and their intervals. Ends with 1 and one line per value that
// differs.

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

/// A normal variable is within -+ this with the probability `level`.
real normal(real level) {
  real low = 0, high = 10;
  for (int i = 0; i < 100; ++i) {
    const real middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0L)) < level ? low : high) = middle;
  }
  return low;
}
/// The share between `share` and `end` (0 or 1) of which `share` of n questions is just as far as a test allows.
real wilson_end(real share, real n, real end) {
  const real z = normal(0.95L);
  real inside = share, outside = end;
  for (int i = 0; i < 200; ++i) {
    const real p = (inside + outside) / 2;
    ((share - p) * (share - p) <= z * z * p * (1 - p) / n ? inside : outside) = p;
  }
  return inside;
}

bool is_accuracy(const std::string& key) { return key == "accuracy" || key.starts_with("accuracy:"); }

/// For every question that the accuracy `key` counts, whether the run answered it: no other choice may be as likely.
std::vector<real> answers(const json& raw, const std::string& key) {
  const std::string by = raw.at("settings").at("tasks").at("by");
  const auto value = [&](const json& choice) {
    const real sum = choice.at("log_likelihood").get<double>();
    return by == "sum" ? sum : sum / choice.at(by == "token" ? "tokens" : "bytes").get<double>();
  };
  // Over all, questions come task after task, as tasks come.
  std::vector<std::string> order;
  std::map<std::string, std::vector<real>> tasks;
  for (const json& question : raw.at("questions")) {
    const std::string task = question.at("task");
    if (tasks.find(task) == tasks.end()) order.push_back(task);
    const json& choices = question.at("choices");
    const auto right = question.at("answer").get<std::size_t>();
    std::size_t beaten = 0;
    for (const json& choice : choices) beaten += value(choice) < value(choices.at(right));
    tasks[task].push_back(beaten + 1 == choices.size() ? 1 : 0);
  }
  std::vector<real> all;
  for (const std::string& task : order)
    if (key == "accuracy" || key == "accuracy:" + task) all.insert(all.end(), tasks[task].begin(), tasks[task].end());
  return all;
}
/// The share of runs that answered each question.
std::vector<real> shares(const std::vector<const json*>& raw, const std::string& key) {
  std::vector<real> sum;
  for (const json* run : raw) {
    const std::vector<real> one = answers(*run, key);
    sum.resize(one.size());
    for (std::size_t q = 0; q < one.size(); ++q) sum[q] += one[q] / static_cast<real>(raw.size());
  }
  return sum;
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
  if (is_accuracy(key)) {
    if (raw.at("questions").is_null()) return false;
    const std::vector<real> all = answers(raw, key);
    value = mean(all);
    return !all.empty();
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
        if (!is_accuracy(key)) continue;
        const auto n = static_cast<real>(answers(*runs.begin()->second.first, key).size());
        expect(variant + "." + key + ".questions", value.at("questions"), n);
        expect(variant + "." + key + ".low", value.at("low"), wilson_end(mean(all), n, 0));
        expect(variant + "." + key + ".high", value.at("high"), wilson_end(mean(all), n, 1));
      }
    }
  }

  /// What each run says of its own tasks.
  void tasks() const {
    for (const auto& [variant, runs] : runs_)
      for (const auto& [seed, run] : runs) {
        const auto& [raw, shown] = run;
        if (!raw->at("settings").contains("tasks") || raw->at("questions").is_null()) continue;
        std::size_t questions = 0;
        for (const json& task : shown->at("tasks")) {
          const std::string key = "accuracy:" + task.at("task").get<std::string>(),
                            what = variant + " seed " + std::to_string(seed) + " " + key;
          const std::vector<real> all = answers(*raw, key);
          const real n = static_cast<real>(all.size()), share = mean(all);
          questions += all.size();
          std::string outcomes;
          for (const real a : all) outcomes += a > 0 ? '1' : '0';
          expect_same(what + ".outcomes", task.at("outcomes"), outcomes);
          expect(what, shown->at(key), share);
          expect(what + ".questions", task.at("questions"), n);
          expect(what + ".right", task.at("right"), share * n);
          expect(what + ".accuracy", task.at("accuracy"), share);
          expect(what + ".low", task.at("low"), wilson_end(share, n, 0));
          expect(what + ".high", task.at("high"), wilson_end(share, n, 1));
          real by_chance = 0;
          for (const json& q : raw->at("questions"))
            if (q.at("task") == task["task"]) by_chance += 1 / (n * static_cast<real>(q.at("choices").size()));
          expect(what + ".chance", task.at("chance"), by_chance);
        }
        expect_same(variant + " questions", questions, raw->at("questions").size());
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
        std::vector<const json*> of_a, of_b;
        real x = 0, y = 0;
        for (const auto& [seed, run] : runs_.at(a))
          if (const auto other = runs_.at(b).find(seed);
              other != runs_.at(b).end() && number_of(*run.first, *run.second, key, x) &&
              number_of(*other->second.first, *other->second.second, key, y)) {
            d.push_back(y - x);
            of_a.push_back(run.first);
            of_b.push_back(other->second.first);
          }
        const std::string what = b + " - " + a + ", " + key;
        expect_same(what + ".seeds", value.at("seeds"), d.size());
        expect(what + ".mean", value.at("mean"), mean(d));
        // Beyond the noise of the questions: four half answers are added, of both, of one, of the other, of none.
        bool questions_agree = true;
        if (is_accuracy(key)) {
          const std::vector<real> in_a = shares(of_a, key), in_b = shares(of_b, key);
          std::vector<std::pair<real, real>> weighted{{0, 0.5L}, {1, 0.5L}, {-1, 0.5L}, {0, 0.5L}};
          for (std::size_t q = 0; q < in_a.size(); ++q) weighted.push_back({in_b[q] - in_a[q], 1});
          real count = 0, centre = 0, variance = 0;
          for (const auto& [v, w] : weighted) count += w, centre += w * v;
          centre /= count;
          for (const auto& [v, w] : weighted) variance += w * (v - centre) * (v - centre) / count;
          const real half = normal(0.95L) * std::sqrt(variance / count);
          const real low = std::max(centre - half, -1.0L), high = std::min(centre + half, 1.0L);
          expect(what + ".question_low", value.at("question_low"), low);
          expect(what + ".question_high", value.at("question_high"), high);
          questions_agree = low > 0 || high < 0;
        }
        if (d.size() < 2) {
          expect_same(what + ".verdict", value.at("verdict"), "noise");
          continue;
        }
        const real half = student(results_.at("interval_level").get<double>(), static_cast<int>(d.size()) - 1) *
                          deviation(d) / std::sqrt(static_cast<real>(d.size()));
        expect(what + ".deviation", value.at("deviation"), deviation(d));
        expect(what + ".low", value.at("low"), mean(d) - half);
        expect(what + ".high", value.at("high"), mean(d) + half);
        const bool more_is_better = key == "tokens_per_second" || is_accuracy(key);
        const int sign = !questions_agree ? 0 : mean(d) - half > 0 ? 1 : mean(d) + half < 0 ? -1 : 0;
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
        const real value =
            row[key].at("mean").get<double>() * (key == "tokens_per_second" || is_accuracy(key) ? -1 : 1);
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
  again.tasks();
  again.differences();
  again.verdicts();
  again.speedup();
  std::printf("%d values recomputed from %zu logs, %d differ\n", checked, raw.size(), wrong);
  return wrong == 0 && checked > 0 ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "recompute: %s\n", e.what());
  return 1;
}
