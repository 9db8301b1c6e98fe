#include "result.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/io/strict_json.hpp"
#include "tasks.hpp"

namespace compare {

namespace {

/// Far beyond what a model can have.
constexpr index_t most_experts = index_t{1} << 24, most_blocks = index_t{1} << 24,
                  most_units = std::numeric_limits<std::int32_t>::max();

/// One value of the file, its name within it, and the checks that it must pass.
class field {
 public:
  field(const json& value, std::string name, const std::string& where,
        const char* advice = "; remove the file to run again")
      : value_(value), name_(std::move(name)), where_(where), advice_(advice) {}

  field operator[](const char* key) const {
    if (!value_.is_object()) fail("an object");
    const auto found = value_.find(key);
    std::string name = name_.empty() ? key : name_ + "." + key;
    gmoe::require<gmoe::file_error>(found != value_.end(), where_, ": ", name, " is missing", advice_);
    return {*found, std::move(name), where_, advice_};
  }
  bool has(const char* key) const { return value_.is_object() && value_.contains(key); }
  field operator[](std::size_t i) const { return {value_[i], gmoe::concat(name_, "[", i, "]"), where_, advice_}; }

  const json& value() const { return value_; }
  double number(double least = std::numeric_limits<double>::lowest(),
                double most = std::numeric_limits<double>::max()) const {
    const double x = value_.is_number() ? value_.get<double>() : std::nan("");
    if (!(x >= least && x <= most))
      most == std::numeric_limits<double>::max() ? fail("a number") : fail("a number from ", least, " to ", most);
    return x;
  }
  void number_or_null() const {
    if (!value_.is_null()) number();
  }
  index_t whole(index_t least, index_t most) const {
    const bool fits = value_.is_number_unsigned() ? value_.get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                                                  : value_.is_number_integer();
    const index_t n = fits ? value_.get<index_t>() : least - 1;
    if (n < least || n > most) fail("a whole number from ", least, " to ", most);
    return n;
  }
  void text() const {
    if (!value_.is_string()) fail("a text");
  }
  /// A list; returns its length.
  std::size_t list() const {
    if (!value_.is_array()) fail("a list");
    return value_.size();
  }
  /// A list of so many values.
  std::size_t list(std::size_t length) const {
    gmoe::require<gmoe::file_error>(list() == length, where_, ": ", name_, " has ", value_.size(),
                                    " entries, expected ", length, advice_);
    return length;
  }

  /// A list of `length` whole numbers from 0 to `most(i)`. The names of good ones are never made: these may be
  /// millions.
  template <class Most>
  void wholes(std::size_t length, const Most& most) const {
    list(length);
    for (std::size_t i = 0; i < length; ++i) {
      const json& n = value_[i];
      if (!n.is_number_unsigned() || n.get<std::uint64_t>() > static_cast<std::uint64_t>(most(i)))
        (*this)[i].fail("a whole number from 0 to ", most(i));
    }
  }
  /// Exactly this value.
  void equal(const json& expected) const {
    if (value_ != expected) fail(gmoe::shown(expected));
  }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... expected) const {
    throw gmoe::file_error(
        gmoe::concat(where_, ": ", name_, " is ", gmoe::shown(value_), ", expected ", expected..., advice_));
  }
  /// About a part of an object.
  template <class... Parts>
  [[noreturn]] void refuse(const char* key, const Parts&... parts) const {
    throw gmoe::file_error(gmoe::concat(where_, ": ", name_, ".", key, " ", parts..., advice_));
  }

 private:
  const json& value_;
  std::string name_;
  const std::string& where_;
  const char* advice_;
};

void check_curve(const field& curve) {
  for (std::size_t i = 0; i < curve.list(); ++i) {
    curve[i].list(2);
    curve[i][std::size_t{0}].number(0);
    curve[i][std::size_t{1}].number();
  }
}

/// The blocks with a mixture, as `layers` describes them; returns the experts of each.
std::vector<index_t> check_layers(const field& layers) {
  std::vector<index_t> experts;
  index_t before = -1;
  for (std::size_t l = 0; l < layers.list(); ++l) {
    before = layers[l]["block"].whole(before + 1, most_blocks);
    experts.push_back(layers[l]["experts"].whole(1, most_experts));
    const field fractions = layers[l]["fractions"];
    for (std::size_t e = 0; e < fractions.list(static_cast<std::size_t>(experts.back())); ++e)
      fractions[e].number(0, 1 + 1e-9);
    for (const char* key : {"cv", "gini", "normalized_entropy", "max_violation", "dead_share", "drop_rate"})
      layers[l][key].number();
    for (const char* key : {"probability_gap", "router_entropy", "margin"}) layers[l][key].number_or_null();
    // What the picture of pools needs; results of earlier versions do without it.
    for (const char* key : {"ids", "widths"})
      if (layers[l].has(key))
        layers[l][key].wholes(static_cast<std::size_t>(experts.back()), [](std::size_t) { return most_units; });
  }
  return experts;
}

/// The share of each expert, of as many as the model has.
void check_shares(const field& layers, const std::vector<index_t>& experts) {
  for (std::size_t l = 0; l < layers.list(experts.size()); ++l) {
    layers[l]["block"].whole(0, most_blocks);
    const field fractions = layers[l]["fractions"];
    for (std::size_t e = 0; e < fractions.list(static_cast<std::size_t>(experts[l])); ++e)
      fractions[e].number(0, 1 + 1e-9);
  }
}

void check_steps(const field& steps, const std::vector<index_t>& experts) {
  steps.wholes(experts.size(), [&](std::size_t l) { return experts[l] - 1; });
}

void check_flow(const field& paths, const std::vector<index_t>& experts) {
  const field top = paths["top"], links = paths["links"];
  for (std::size_t p = 0; p < top.list(); ++p) {
    check_steps(top[p]["steps"], experts);
    top[p]["share"].number(0, 1 + 1e-9);
  }
  for (std::size_t l = 0; l < links.list(experts.size() - 1); ++l)
    for (std::size_t a = 0; a < links[l].list(static_cast<std::size_t>(experts[l])); ++a)
      for (std::size_t b = 0; b < links[l][a].list(static_cast<std::size_t>(experts[l + 1])); ++b)
        links[l][a][b].number(0, 1 + 1e-9);
}

/// Of exactly `tokens` tokens, in the blocks of `layers`.
void check_histogram(const field& h, const field& layers, const std::vector<index_t>& experts, index_t tokens) {
  const field blocks = h["blocks"], widths = h["experts"], count = h["count"];
  blocks.list(experts.size());
  widths.list(experts.size());
  for (std::size_t l = 0; l < experts.size(); ++l) {
    blocks[l].equal(layers[l]["block"].value());
    widths[l].equal(experts[l]);
  }
  const std::size_t paths = count.list();
  index_t left = tokens;
  for (std::size_t p = 0; p < paths; ++p) left -= count[p].whole(1, left);
  if (left != 0) h.refuse("count", "adds up to ", tokens - left, ", expected the ", tokens, " of analysis_tokens");
  h["steps"].wholes(paths * experts.size(), [&](std::size_t s) { return experts[s % experts.size()] - 1; });
}

/// Of the tasks that the settings name: none, or all of them null for a variant that cannot be asked.
void check_tasks(const field& run) {
  const field tasks = run["tasks"], questions = run["questions"];
  if (tasks.value().is_null()) {
    run["accuracy"].equal(nullptr);
    questions.equal(nullptr);
    return;
  }
  run["accuracy"].number(0, 1);
  std::size_t left = questions.list();
  for (std::size_t t = 0; t < tasks.list(); ++t) {
    const field task = tasks[t];
    task["task"].text();
    const index_t count = task["questions"].whole(1, static_cast<index_t>(left));
    left -= static_cast<std::size_t>(count);
    for (const char* key : {"accuracy", "low", "high", "chance"}) task[key].number(0, 1);
    task["outcomes"].text();
    const auto& outcomes = task["outcomes"].value().get_ref<const std::string&>();
    if (outcomes.size() != static_cast<std::size_t>(count) || outcomes.find_first_not_of("01") != std::string::npos)
      task["outcomes"].fail("a 0 or 1 for each of ", count, " questions");
    const auto right = std::count(outcomes.begin(), outcomes.end(), '1');
    task["right"].equal(right);
    const std::string key = "accuracy:" + task["task"].value().get<std::string>();
    run[key.c_str()].equal(task["accuracy"].value());
  }
  if (left != 0) tasks.fail("as many outcomes as there are questions");
  for (std::size_t q = 0; q < questions.list(); ++q) {
    const field question = questions[q], choices = question["choices"];
    question["task"].text();
    question["answer"].whole(0, static_cast<index_t>(choices.list()) - 1);
    for (std::size_t c = 0; c < choices.list(); ++c)
      for (const char* key : {"log_likelihood", "tokens", "bytes"}) choices[c][key].number();
  }
}

/// What merging and the tables read of a run's answers.
void check_answers(const field& run) {
  for (const auto& [key, value] : run.value().items())
    if (is_accuracy(key) && !value.is_null()) run[key.c_str()].number(0, 1);
  if (run.value().value("tasks", json(nullptr)).is_null()) return;
  const field tasks = run["tasks"];
  for (std::size_t t = 0; t < tasks.list(); ++t) {
    const field task = tasks[t];
    task["task"].text();
    task["chance"].number(0, 1);
    task["outcomes"].text();
    const index_t count = task["questions"].whole(1, std::numeric_limits<std::int32_t>::max());
    if (std::ssize(task["outcomes"].value().get_ref<const std::string&>()) != count)
      task["outcomes"].fail("a 0 or 1 for each of ", count, " questions");
  }
}

}  // namespace

void check_comparison(const json& comparison, const std::string& where) {
  constexpr index_t most = std::numeric_limits<std::int64_t>::max() / 2;
  const field all(comparison, "", where, "");
  for (const char* key : {"format", "version", "equal", "dense"}) all[key].text();
  for (const char* key : {"text", "texts", "sizes", "recipe", "variants", "floors"})
    if (!all[key].value().is_object()) all[key].fail("an object");
  for (const auto& [name, loss] : all["floors"].value().items()) all["floors"][name.c_str()].number();
  all["provenance"].list();
  const field blocks = all["common_blocks"];
  for (std::size_t b = 0; b < blocks.list(); ++b) blocks[b].whole(0, most_blocks);
  all["analysis_tokens"].whole(0, most);
  if (const field tasks = all["tasks"]; !tasks.value().is_null()) {
    tasks["by"].text();
    tasks["shots"].whole(0, most);
    tasks["context"].whole(0, most);
  }
  const field runs = all["runs"];
  for (std::size_t r = 0; r < runs.list(); ++r) {
    const field run = runs[r], settings = run["settings"], curve = run["curve"]["same_tokens"];
    run["variant"].text();
    if (!run["seed"].value().is_number_unsigned()) run["seed"].fail("a whole number from 0 up");
    for (const char* key : {"batch", "accumulation", "sequence", "steps"}) settings["recipe"][key].whole(0, most);
    for (const char* key : {"d_ff", "experts"}) settings["sizes"][key].whole(0, most);
    for (const char* key : {"training_flops_per_token", "training_seconds", "training_tokens"}) run[key].number();
    check_curve(curve);
    if (curve.list() == 0) curve.fail("a point at least");
    check_answers(run);
  }
}

void check_result(const json& result, index_t most_tokens, const std::string& where) {
  const field run(result, "", where);
  const field settings = run["settings"];
  run["variant"].equal(settings["variant"].value());
  run["seed"].equal(settings["recipe"]["seed"].value());
  if (!settings["card"].value().is_object()) settings["card"].fail("an object");
  run["initial_backbone"].text();
  for (const char* key :
       {"parameters_total", "parameters_active", "multiply_adds_per_token", "training_flops_per_token",
        "validation_loss", "perplexity", "bits_per_byte", "balance_loss", "tokens_per_second", "training_seconds",
        "training_tokens", "peak_memory_bytes", "validation_tokens"})
    run[key].number();
  check_curve(run["curve"]["training"]);
  check_curve(run["curve"]["validation"]);
  check_curve(run["curve"]["same_tokens"]);

  const index_t tokens = run["analysis_tokens"].whole(0, most_tokens);
  const std::vector<index_t> experts = check_layers(run["layers"]);
  for (const auto& [name, fingerprint] : settings["texts"].value().items()) {
    run[(loss_on + name).c_str()].number();
    const field text = run["texts"][name.c_str()];
    for (const char* key : {"tokens", "perplexity", "bits_per_byte"}) text[key].number();
    check_shares(text["layers"], experts);
  }
  if (settings.value().contains("tasks")) check_tasks(run);
  const field load_cv = run["load_cv"];
  for (std::size_t l = 0; l < load_cv.list(experts.size()); ++l) load_cv[l].number();
  for (const char* key :
       {"path_length", "path_entropy", "path_entropy_miller_madow", "normalized_path_entropy", "markov_path_entropy",
        "effective_paths", "distinct_paths", "top1_path_mass", "top10_path_mass", "top100_path_mass"})
    experts.empty() ? run[key].equal(nullptr) : static_cast<void>(run[key].number());
  for (const char* key : {"mutual_information", "normalized_mutual_information", "agreement", "set_consistency",
                          "smoothness", "router_entropy", "margin"})
    run[key].number_or_null();
  for (const char* key : {"consistency", "consistency_by_chance"})  // not in results of earlier versions
    if (run.has(key)) run[key].number_or_null();
  if (experts.empty()) {
    run["paths"].equal(nullptr);
    run["histogram"].equal(nullptr);
  } else {
    check_flow(run["paths"], experts);
    check_histogram(run["histogram"], run["layers"], experts, tokens);
  }
}

}  // namespace compare
