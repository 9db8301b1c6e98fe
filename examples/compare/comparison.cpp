#include "comparison.hpp"

#include <algorithm>

#include "differences.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/io/strict_json.hpp"
#include "result.hpp"
#include "speedup.hpp"
#include "table.hpp"

namespace compare {

namespace {

/// All seeds of the first variant, then all of the second.
void group_by_variant(std::vector<json>& runs) {
  std::vector<std::string> order;
  for (const json& run : runs) order.push_back(run.at("variant"));
  const auto place = [&](const json& run) { return std::find(order.begin(), order.end(), run.at("variant")); };
  std::stable_sort(runs.begin(), runs.end(), [&](const json& a, const json& b) { return place(a) < place(b); });
}

/// In quotes where a comma or a quote is in it.
std::string csv_cell(const json& value) {
  if (value.is_null()) return "";
  if (!value.is_string()) return value.dump();
  std::string text = value;
  if (text.find_first_of(",\"\n") == text.npos) return text;
  for (std::size_t at = 0; (at = text.find('"', at)) != text.npos; at += 2) text.insert(at, 1, '"');
  return '"' + text + '"';
}

}  // namespace

json assemble(json head, std::vector<json> runs) {
  group_by_variant(runs);
  head["interval_level"] = interval_level;
  head["usual_deviation"] = usual_deviation;
  head["differences"] = paired_differences(runs);
  head["summary"] = summarize_runs(runs);
  add_verdicts(head["summary"], head["differences"]);
  index_t seeds = 0;
  for (const json& row : head["summary"]) seeds = std::max(seeds, row.at("seeds").get<index_t>());
  head["seeds"] = seeds;
  const bool dense = std::any_of(runs.begin(), runs.end(), [](const json& r) { return r.at("variant") == "dense"; });
  head["speedup"] = speedups_over(dense ? "dense" : runs.front().at("variant").get<std::string>(), runs);
  head["runs"] = std::move(runs);
  return head;
}

json merge(const std::vector<json>& comparisons, const std::vector<std::string>& names) {
  gmoe::require<gmoe::data_error>(!comparisons.empty(), "there is nothing to merge");
  for (std::size_t i = 0; i < comparisons.size(); ++i) check_comparison(comparisons[i], names[i]);
  json head = comparisons.front();
  std::vector<json> runs;
  json origins = json::array();
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    const json& one = comparisons[i];
    for (const char* key : {"format", "version", "text", "texts", "sizes", "recipe", "equal", "dense"}) {
      json mine = one.at(key), first = head.at(key);
      if (mine.is_object()) mine.erase("seed"), first.erase("seed");
      for (json* text : {&mine, &first})  // a file may be called otherwise elsewhere
        if (key == std::string("text")) text->erase("path");
      const json differ = json::diff(first, mine);
      gmoe::require<gmoe::data_error>(differ.empty(), names[i], " does not fit ", names[0], ": ", key,
                                      differ.empty() ? "" : differ[0].value("path", std::string()), " is another");
    }
    gmoe::require<gmoe::data_error>(one.value("tasks", json(nullptr)) == head.value("tasks", json(nullptr)), names[i],
                                    " does not fit ", names[0], ": the tasks are others");
    for (const json& p : one.at("provenance"))
      if (std::find(origins.begin(), origins.end(), p) == origins.end()) origins.push_back(p);
    for (const auto& [variant, about] : one.at("variants").items()) head["variants"][variant] = about;
    if (one.at("common_blocks") != head["common_blocks"]) head["common_blocks"] = json::array();
    for (const json& run : one.at("runs")) {
      const auto same = std::find_if(runs.begin(), runs.end(), [&](const json& other) {
        return other.at("variant") == run.at("variant") && other.at("seed") == run.at("seed");
      });
      if (same == runs.end()) {
        runs.push_back(run);
        continue;
      }
      gmoe::require<gmoe::data_error>(same->at("settings") == run.at("settings"), names[i], " does not fit ", names[0],
                                      ": both have ", run.at("variant").get<std::string>(), " with seed ",
                                      run.at("seed").get<std::uint64_t>(), ", of other settings");
    }
  }
  gmoe::require<gmoe::data_error>(!runs.empty(), names[0], " has no runs");
  if (head["common_blocks"].empty())
    for (json& run : runs)
      for (const auto& [key, value] : run.items())
        if (key.starts_with("common_")) run[key] = nullptr;
  head["provenance"] = std::move(origins);
  return assemble(std::move(head), std::move(runs));
}

std::string csv_text(const json& comparison) {
  const json& runs = comparison.at("runs");
  std::vector<std::string> columns{"variant", "seed"};
  for (const json& run : runs)
    for (const auto& [key, value] : run.items())
      if (value.is_number() && std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
  std::string text;
  for (const std::string& c : columns) text += (text.empty() ? "" : ",") + csv_cell(c);
  text += ",steps,d_ff,experts\n";
  for (const json& run : runs) {
    std::string line;
    for (const std::string& c : columns)
      line += (line.empty() ? "" : ",") + csv_cell(run.contains(c) ? run[c] : json(nullptr));
    const json& settings = run.at("settings");
    text += line + "," + csv_cell(settings.at("recipe").at("steps")) + "," + csv_cell(settings.at("sizes").at("d_ff")) +
            "," + csv_cell(settings.at("sizes").at("experts")) + "\n";
  }
  return text;
}

}  // namespace compare
