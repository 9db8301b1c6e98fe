#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "differences.hpp"
#include "gmoe/analysis/common_layers.hpp"
#include "gmoe/analysis/paired_difference.hpp"
#include "layout.hpp"
#include "paths.hpp"
#include "tasks.hpp"

namespace compare {

namespace {

const char* const summarized[] = {"parameters_total",
                                  "parameters_active",
                                  "multiply_adds_per_token",
                                  "validation_loss",
                                  "perplexity",
                                  "bits_per_byte",
                                  "balance_loss",
                                  "tokens_per_second",
                                  "training_seconds",
                                  "training_tokens",
                                  "training_flops_per_token",
                                  "peak_memory_bytes",
                                  "path_length",
                                  "path_entropy",
                                  "normalized_path_entropy",
                                  "effective_paths",
                                  "top1_path_mass",
                                  "top10_path_mass",
                                  "mean_load_cv",
                                  "mutual_information",
                                  "normalized_mutual_information",
                                  "agreement",
                                  "consistency",
                                  "consistency_by_chance",
                                  "smoothness",
                                  "router_entropy",
                                  "margin",
                                  "common_path_entropy",
                                  "common_normalized_path_entropy",
                                  "common_effective_paths",
                                  "common_top1_path_mass"};

/// 1234567 as "1.23M".
std::string with_unit(double value) {
  const char* units[] = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  for (; std::abs(value) >= 999.5 && unit + 1 < std::size(units); ++unit) value /= 1000;
  return format(unit == 0                 ? "%.0f"
                : std::abs(value) < 9.995 ? "%.2f"
                : std::abs(value) < 99.95 ? "%.1f"
                                          : "%.0f",
                value) +
         units[unit];
}

struct column {
  std::string title, key;
  std::string (*show)(double);
};

const std::vector<column> main_columns{
    {"total", "parameters_total", with_unit},
    {"active", "parameters_active", with_unit},
    {"val. loss", "validation_loss", [](double v) { return format("%.4f", v); }},
    {"perplexity", "perplexity", [](double v) { return format("%.3f", v); }},
    {"bits/byte", "bits_per_byte", [](double v) { return format("%.3f", v); }},
    {"tokens/s", "tokens_per_second", [](double v) { return format("%.0f", v); }},
    {"memory", "peak_memory_bytes", [](double v) { return with_unit(v) + "B"; }},
    {"path H", "path_entropy", [](double v) { return format("%.3f", v); }},
    {"eff. paths", "effective_paths", [](double v) { return format("%.1f", v); }},
    {"top-1 path", "top1_path_mass", [](double v) { return format("%.2f%%", 100 * v); }},
    {"load CV", "mean_load_cv", [](double v) { return format("%.3f", v); }},
};

const std::vector<column> common_columns{
    {"blocks", "path_length", [](double v) { return format("%.0f", v); }},
    {"normalised H", "normalized_path_entropy", [](double v) { return format("%.3f", v); }},
    {"common H", "common_path_entropy", [](double v) { return format("%.3f", v); }},
    {"common norm. H", "common_normalized_path_entropy", [](double v) { return format("%.3f", v); }},
    {"common eff. paths", "common_effective_paths", [](double v) { return format("%.1f", v); }},
    {"common top-1 path", "common_top1_path_mass", [](double v) { return format("%.2f%%", 100 * v); }},
};

std::vector<std::vector<std::string>> rows_of(const json& summary, const std::vector<column>& columns,
                                              const std::string& head) {
  std::vector<std::vector<std::string>> rows{{head}};
  for (const column& c : columns) rows[0].push_back(c.title);
  for (const json& variant : summary) {
    rows.push_back({variant.at("variant").get<std::string>()});
    for (const column& c : columns) {
      const json& value = variant.at(c.key);
      if (value.is_null()) {
        rows.back().push_back("-");
        continue;
      }
      std::string cell = c.show(value.at("mean").get<double>());
      if (const json& deviation = value.at("deviation"); !deviation.is_null() && deviation.get<double>() > 0)
        cell += "\xC2\xB1" + c.show(deviation.get<double>());
      rows.back().push_back(cell + mark_of(variant, c.key));
    }
  }
  return rows;
}

/// Below the variants, what models reach that only count.
void add_floors(std::vector<std::vector<std::string>>& rows, const json& floors, const std::vector<column>& columns) {
  for (const auto& [name, loss] : floors.items()) {
    rows.push_back({name});
    const double nats = loss;
    for (const column& c : columns)
      rows.back().push_back(c.key == "validation_loss" ? c.show(nats) + " "
                            : c.key == "perplexity"    ? c.show(std::exp(nats)) + " "
                            : c.key == "bits_per_byte" ? c.show(nats / std::log(2.0)) + " "
                                                       : "-");
  }
}

/// The losses on the further texts, a column each.
std::string texts_table(const json& comparison) {
  const json& summary = comparison.at("summary");
  std::vector<column> columns;
  for (const std::string& key : losses_on_texts({summary.begin(), summary.end()}))
    columns.push_back({key.substr(loss_on.size()), key, [](double v) { return format("%.4f", v); }});
  if (columns.empty()) return "";
  return "\nValidation loss on other texts:\n" + lay_out(rows_of(summary, columns, "variant"));
}

/// How much sooner the variants get where the baseline gets.
std::string speedup_text(const json& comparison) {
  const json& speedup = comparison.at("speedup");
  const std::string baseline = speedup.at("baseline");
  if (comparison.at("summary").size() < 2) return "";
  if (speedup.at("curve").is_null())
    return "\nNo effective speedup over " + baseline + ": its validation losses give no curve L + A C^-a.\n";
  const json& curve = speedup["curve"];
  std::vector<std::vector<std::string>> rows{{"variant", "tokens", "FLOPs", "seconds", ""}};
  for (const json& row : speedup.at("variants")) {
    rows.push_back({row.at("variant")});
    for (const char* key : {"factor", "flops_factor", "seconds_factor"})
      rows.back().push_back(row.at(key).is_null() ? "-" : format("%.2f", row[key].get<double>()));
    std::string note = row.at("factor").is_null() ? "never, by its curve" : "";
    if (row.at("extrapolated") == true) note = "extrapolated";
    if (row.at("within_residual") == true) note += note.empty() ? "within the residual" : ", within the residual";
    if (!note.empty() && !row.at("within").is_null())
      note += gmoe::concat("; ", format("%.2f", row["within"].at("factor").get<double>()), " at ",
                           with_unit(row["within"].at("tokens").get<double>()), " tokens, without extrapolation");
    rows.back().push_back(note);
  }
  return gmoe::concat(
      "\nEffective speedup over ", baseline, ": how many times as much it needs for the same loss, by L(C) = ",
      format("%.4g", curve.at("limit").get<double>()), " + ", format("%.4g", curve.at("scale").get<double>()), " C^-",
      format("%.4g", curve.at("exponent").get<double>()), ",\nfitted from ", with_unit(curve.at("first").get<double>()),
      " to ", with_unit(curve.at("last").get<double>()), " tokens with a residual of ",
      format("%.4f", curve.at("residual").get<double>()), " nats:\n", lay_out(rows));
}

/// The differences of the loss to the first variant, or what one seed leaves open.
std::string noise_text(const json& comparison) {
  const json& summary = comparison.at("summary");
  if (summary.size() < 2) return "";
  const std::string first = summary[0].at("variant");
  const bool one = std::all_of(summary.begin(), summary.end(), [](const json& row) { return row.at("seeds") == 1; });
  if (one)
    return gmoe::concat(
        "One seed each: this table cannot tell a difference from noise. The losses of runs like the "
        "demo's have deviations of up to ",
        usual_deviation, " from seed to seed, perplexities of ", 100 * usual_deviation, " %; --seeds 3 measures it.\n");
  std::vector<std::vector<std::string>> rows{{"variant", "difference", "95 % interval", "spread", "", "seeds"}};
  for (const json& row : summary) {
    if (&row == &summary[0]) continue;
    const json d = difference_of(comparison.at("differences"), first, row.at("variant"), "validation_loss");
    if (d.is_null()) continue;
    const auto number = [](const char* how, const json& v) { return v.is_null() ? "-" : format(how, v.get<double>()); };
    rows.push_back({row.at("variant"), number("%+.4f", d.at("mean")),
                    d.at("low").is_null() ? "-" : number("%+.4f", d["low"]) + " to " + number("%+.4f", d["high"]),
                    number("%.4f", d.at("deviation")),
                    d.at("verdict") == "noise" ? "within noise" : d["verdict"].get<std::string>(),
                    std::to_string(d.at("seeds").get<index_t>())});
  }
  return "mean \xC2\xB1 standard deviation over the seeds; * better than every other variant, ~ within noise of the "
         "best\n\nValidation loss against " +
         first + ", in pairs of the same seed (the same data in the same order, the same initial values):\n" +
         lay_out(rows);
}

}  // namespace

json summarize_runs(const std::vector<json>& runs) {
  std::vector<std::string> variants;
  for (const json& run : runs)
    if (const auto name = run.at("variant").get<std::string>();
        std::find(variants.begin(), variants.end(), name) == variants.end())
      variants.push_back(name);
  json summary = json::array();
  for (const std::string& variant : variants) {
    json row{{"variant", variant}};
    std::vector<std::string> keys(std::begin(summarized), std::end(summarized));
    for (const std::string& key : losses_on_texts(runs)) keys.push_back(key);
    for (const std::string& key : accuracies(runs)) keys.push_back(key);
    for (const std::string& key : keys) {
      std::vector<double> values;
      for (const json& run : runs)
        if (run.at("variant") == variant && run.contains(key) && run[key].is_number())
          values.push_back(run[key].get<double>());
      if (values.empty()) {
        row[key] = nullptr;
        continue;
      }
      const gmoe::spread of = gmoe::measure_spread(values);
      row[key] = {{"mean", of.mean}, {"deviation", of.deviation ? json(*of.deviation) : json(nullptr)}};
      if (is_accuracy(key)) add_interval(row[key], runs, variant, key);
    }
    row["seeds"] = std::count_if(runs.begin(), runs.end(), [&](const json& r) { return r.at("variant") == variant; });
    summary.push_back(std::move(row));
  }
  return summary;
}

std::vector<index_t> add_common_paths(std::vector<json>& runs) {
  std::vector<std::vector<index_t>> routed;
  for (const json& run : runs)
    if (!run.at("histogram").is_null()) routed.push_back(run["histogram"].at("blocks").get<std::vector<index_t>>());
  const std::vector<index_t> common = routed.empty() ? std::vector<index_t>{} : gmoe::common_blocks(routed);
  for (json& run : runs) {
    const bool measured = !common.empty() && !run["histogram"].is_null();
    const auto m = measured ? metrics_in_blocks(run["histogram"], common) : gmoe::path_metrics{};
    const auto put = [&](const char* key, double value) { run[key] = measured ? json(value) : json(nullptr); };
    put("common_path_entropy", m.entropy);
    put("common_normalized_path_entropy", m.normalized_entropy);
    put("common_effective_paths", m.effective_number);
    put("common_top1_path_mass", m.top1_mass);
    const auto cv = run.at("load_cv").get<std::vector<double>>();
    run["mean_load_cv"] =
        cv.empty() ? json(nullptr) : json(std::accumulate(cv.begin(), cv.end(), 0.0) / static_cast<double>(cv.size()));
  }
  return common;
}

std::string tables(const json& comparison) {
  const json& summary = comparison.at("summary");
  auto rows = rows_of(summary, main_columns, "equal " + comparison.at("equal").get<std::string>());
  add_floors(rows, comparison.at("floors"), main_columns);
  std::string text = lay_out(rows) + noise_text(comparison) + texts_table(comparison) + tasks_text(comparison) +
                     speedup_text(comparison);
  const auto common = comparison.at("common_blocks").get<std::vector<index_t>>();
  if (common.empty()) return text;
  std::string blocks;
  for (const index_t b : common) blocks += (blocks.empty() ? "" : ", ") + std::to_string(b);
  text += "\nPaths of different length do not compare. Through the blocks in which all of these route (" + blocks +
          "), over " + std::to_string(comparison.at("analysis_tokens").get<index_t>()) + " tokens:\n";
  json routed = json::array();
  for (const json& row : summary)
    if (!row.at("path_entropy").is_null()) routed.push_back(row);
  return text + lay_out(rows_of(routed, common_columns, "variant"));
}

}  // namespace compare
