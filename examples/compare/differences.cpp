#include "differences.hpp"

#include <algorithm>
#include <map>

#include "gmoe/analysis/accuracy_difference.hpp"
#include "gmoe/analysis/paired_difference.hpp"
#include "tasks.hpp"

namespace compare {

namespace {

/// A run's number, and the run.
struct value_of_run {
  double value;
  const json* run;
};
/// The values of one number by seed.
using by_seed = std::map<std::uint64_t, value_of_run>;

/// The variants in order, with the number's values.
std::vector<std::pair<std::string, by_seed>> values_of(const std::vector<json>& runs, const std::string& key) {
  std::vector<std::pair<std::string, by_seed>> all;
  for (const json& run : runs) {
    const auto name = run.at("variant").get<std::string>();
    auto at = std::find_if(all.begin(), all.end(), [&](const auto& v) { return v.first == name; });
    if (at == all.end()) at = all.insert(all.end(), {name, {}});
    if (const auto value = run.find(key); value != run.end() && value->is_number())
      at->second[run.at("seed").get<std::uint64_t>()] = {value->get<double>(), &run};
  }
  return all;
}

json difference_json(const gmoe::paired_difference& d, int better) {
  const bool known = d.deviation.has_value();
  return {{"seeds", d.count},
          {"mean", d.mean},
          {"deviation", known ? json(*d.deviation) : json(nullptr)},
          {"low", known ? json(d.low) : json(nullptr)},
          {"high", known ? json(d.high) : json(nullptr)},
          {"verdict", d.within_noise()               ? "noise"
                      : (d.mean > 0) == (better > 0) ? "better"
                                                     : "worse"}};
}

/// The interval over the questions.
void add_questions(json& difference, const std::vector<double>& a, const std::vector<double>& b) {
  const gmoe::accuracy_difference d = gmoe::compare_accuracies(a, b);
  difference["question_low"] = d.low;
  difference["question_high"] = d.high;
  if (d.holds(0)) difference["verdict"] = "noise";
}

/// Of -d, where that of d is from `low` to `high`.
void turn_interval(json& difference, const char* low, const char* high) {
  if (!difference.contains(low) || difference[low].is_null()) return;
  const double was_low = difference[low];
  difference[low] = -difference[high].get<double>();
  difference[high] = -was_low;
}

}  // namespace

std::vector<std::string> losses_on_texts(const std::vector<json>& runs) {
  std::vector<std::string> keys;
  for (const json& run : runs)
    for (const auto& [key, value] : run.items())
      if (key.starts_with(loss_on) && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  return keys;
}

std::vector<judged_number> judged_numbers(const std::vector<json>& runs) {
  std::vector<judged_number> all{{"validation_loss", -1},  {"perplexity", -1},        {"bits_per_byte", -1},
                                 {"tokens_per_second", 1}, {"peak_memory_bytes", -1}, {"mean_load_cv", -1}};
  for (const std::string& key : losses_on_texts(runs)) all.push_back({key, -1});
  for (const std::string& key : accuracies(runs)) all.push_back({key, 1});
  return all;
}

json paired_differences(const std::vector<json>& runs) {
  json pairs = json::array();
  for (const judged_number& number : judged_numbers(runs)) {
    const auto variants = values_of(runs, number.key);
    std::size_t pair = 0;
    for (std::size_t a = 0; a < variants.size(); ++a)
      for (std::size_t b = a + 1; b < variants.size(); ++b, ++pair) {
        if (pair == pairs.size()) pairs.push_back({{"a", variants[a].first}, {"b", variants[b].first}});
        std::vector<double> of_a, of_b;
        std::vector<const json*> runs_of_a, runs_of_b;
        for (const auto& [seed, value] : variants[a].second)
          if (const auto same = variants[b].second.find(seed); same != variants[b].second.end()) {
            of_a.push_back(value.value);
            of_b.push_back(same->second.value);
            runs_of_a.push_back(value.run);
            runs_of_b.push_back(same->second.run);
          }
        json& found = pairs[pair][number.key] = nullptr;
        if (of_a.empty()) continue;
        found = difference_json(gmoe::compare_pairs(of_a, of_b, interval_level), number.better);
        if (is_accuracy(number.key))
          add_questions(found, shares_right(runs_of_a, number.key), shares_right(runs_of_b, number.key));
      }
  }
  return pairs;
}

json difference_of(const json& differences, const std::string& a, const std::string& b, const std::string& key) {
  for (const json& pair : differences) {
    if (pair.at("a") == a && pair.at("b") == b) return pair.at(key);
    if (pair.at("a") != b || pair.at("b") != a || pair.at(key).is_null()) continue;
    json turned = pair.at(key);
    turned["mean"] = -turned["mean"].get<double>();
    turn_interval(turned, "low", "high");
    turn_interval(turned, "question_low", "question_high");
    if (turned["verdict"] != "noise") turned["verdict"] = turned["verdict"] == "better" ? "worse" : "better";
    return turned;
  }
  return nullptr;
}

void add_verdicts(json& summary, const json& differences) {
  for (json& row : summary) row["verdicts"] = json::object();
  const std::vector<json> rows(summary.begin(), summary.end());
  for (const judged_number& number : judged_numbers(rows)) {
    const std::string& key = number.key;
    const int better = number.better;
    const json* best = nullptr;
    std::size_t having = 0;
    for (const json& row : summary) {
      if (row.at(key).is_null()) continue;
      ++having;
      const double mean = row[key].at("mean");
      if (!best || better * mean > better * best->at(key).at("mean").get<double>()) best = &row;
    }
    const auto to_best = [&](const json& row) {
      return difference_of(differences, best->at("variant"), row.at("variant"), key);
    };
    bool alone = true;
    for (const json& row : summary)
      if (best && &row != best && !row.at(key).is_null()) {
        const json d = to_best(row);
        alone = alone && !d.is_null() && d.at("verdict") == "worse";
      }
    for (json& row : summary) {
      json& verdict = row["verdicts"][key] = nullptr;
      if (having < 2 || row.at(key).is_null()) continue;
      if (&row == best) {
        if (row.at("seeds") > 1) verdict = alone ? "best" : "tied";
      } else if (const json d = to_best(row); !d.is_null() && d.at("seeds") > 1) {
        verdict = d.at("verdict") == "worse" ? "behind" : "tied";
      }
    }
  }
}

}  // namespace compare
