#include "tasks.hpp"

#include <algorithm>

#include "differences.hpp"
#include "gmoe/data/printable.hpp"
#include "layout.hpp"

namespace compare {

namespace {

const std::string over_all = "accuracy", of_task = "accuracy:";

std::string percent(double share) { return format("%.1f", 100 * share); }
std::string points(double difference) { return format("%+.1f", 100 * difference); }
std::string from_to(const json& low, const json& high, std::string (*show)(double)) {
  return low.is_null() ? "-" : show(low.get<double>()) + " to " + show(high.get<double>());
}

/// A line per task, a column per variant.
std::string accuracy_table(const json& comparison) {
  const json& summary = comparison.at("summary");
  // Any run that was asked knows the tasks.
  const auto& runs = comparison.at("runs");
  const auto asked = std::find_if(runs.begin(), runs.end(), [](const json& r) { return r.at("tasks").is_array(); });
  if (asked == runs.end()) return "";
  std::vector<std::vector<std::string>> rows{{"task", "questions", "chance"}};
  for (const json& variant : summary) rows[0].push_back(variant.at("variant"));
  const auto add = [&](const std::string& name, const std::string& key, index_t questions, double chance) {
    rows.push_back({name, std::to_string(questions), percent(chance)});
    for (const json& variant : summary) {
      const json& value = variant.at(key);
      if (value.is_null()) {
        rows.back().push_back("-");
        continue;
      }
      std::string cell = percent(value.at("mean"));
      if (const json& deviation = value.at("deviation"); !deviation.is_null())
        cell += "\xC2\xB1" + percent(deviation.get<double>());
      rows.back().push_back(cell + mark_of(variant, key));
    }
  };
  index_t questions = 0;
  double right_by_chance = 0;
  for (const json& task : asked->at("tasks")) {
    const index_t count = task.at("questions");
    const double chance = task.at("chance");
    questions += count;
    right_by_chance += chance * static_cast<double>(count);
    add(gmoe::printable(task.at("task").get<std::string>()), of_task + task["task"].get<std::string>(), count, chance);
  }
  if (asked->at("tasks").size() > 1)
    add("over all", over_all, questions, right_by_chance / static_cast<double>(questions));
  rows.push_back({"95 % interval", "", ""});
  for (const json& variant : summary) {
    const json& value = variant.at(over_all);
    rows.back().push_back(value.is_null() ? "-" : from_to(value.at("low"), value.at("high"), percent) + " ");
  }
  return lay_out(rows);
}

std::string difference_table(const json& comparison) {
  const json& summary = comparison.at("summary");
  const std::string first = summary[0].at("variant");
  std::vector<std::vector<std::string>> rows{
      {"variant", "difference", "95 % over seeds", "95 % over questions", "", "seeds"}};
  for (const json& row : summary) {
    if (&row == &summary[0]) continue;
    const json d = difference_of(comparison.at("differences"), first, row.at("variant"), over_all);
    if (d.is_null()) continue;
    const std::string verdict = d.at("verdict");
    rows.push_back({row["variant"], points(d.at("mean")), from_to(d.at("low"), d.at("high"), points),
                    from_to(d.at("question_low"), d.at("question_high"), points),
                    d.at("seeds") == 1   ? "one seed"
                    : verdict == "noise" ? "within noise"
                                         : verdict,
                    std::to_string(d.at("seeds").get<index_t>())});
  }
  if (rows.size() == 1) return "";
  return gmoe::concat("\nAccuracy over all questions against ", first,
                      ", in points of 100, in pairs of the same seed and of the same question (better or worse, and * "
                      "above, only beyond both intervals):\n",
                      lay_out(rows));
}

}  // namespace

json asked_tasks::settings() const {
  json files = json::object();
  for (const examples::task_set& set : sets) files[set.name] = examples::fingerprint_of(set);
  return {{"files", std::move(files)},
          {"by", how.by},
          {"shots", how.shots},
          {"separator", how.separator},
          {"context", how.how.positions}};
}

asked_tasks read_asked(examples::task_options how, const gmoe::sizes& shape, const gmoe::recipe& recipe) {
  index_t& context = how.how.positions;
  if (context == 0) context = recipe.sequence;
  gmoe::require(context <= shape.positions, "--context is ", context, ", but the models have ", shape.positions,
                " positions");
  asked_tasks tasks{how, examples::read_tasks(how, shape.vocab)};
  return tasks;
}

void add_tasks(json& result, examples::session& model, const asked_tasks& tasks,
               const std::function<void(std::size_t)>& on_progress) {
  const auto results = examples::ask_all(model, tasks.sets, tasks.how, on_progress);
  const examples::task_accuracies found = examples::measure_accuracies(results);
  result[over_all] = found.all.share;
  result["questions"] = examples::questions_json(results);
  json& list = result["tasks"] = json::array();
  for (const auto& [name, accuracy] : found.tasks) {
    result[of_task + name] = accuracy.share;
    std::string outcomes;
    double by_chance = 0;
    for (const examples::question_result& r : results) {
      if (r.question->task != name) continue;
      outcomes += r.right ? '1' : '0';
      by_chance += 1 / static_cast<double>(r.choices.size());
    }
    json task = examples::accuracy_json(accuracy);
    task["task"] = name;
    task["chance"] = by_chance / static_cast<double>(accuracy.questions);
    task["outcomes"] = std::move(outcomes);
    list.push_back(std::move(task));
  }
}

bool is_accuracy(const std::string& key) { return key == over_all || key.starts_with(of_task); }

std::vector<std::string> accuracies(const std::vector<json>& runs) {
  std::vector<std::string> keys;
  for (const json& run : runs)
    for (const auto& [key, value] : run.items())
      if (is_accuracy(key) && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  return keys;
}

std::vector<double> shares_right(const std::vector<const json*>& runs, const std::string& key) {
  std::vector<double> shares;
  for (const json* run : runs) {
    std::size_t at = 0;
    for (const json& task : run->at("tasks")) {
      if (key != over_all && key != of_task + task.at("task").get<std::string>()) continue;
      for (const char outcome : task.at("outcomes").get_ref<const std::string&>()) {
        if (at == shares.size()) shares.push_back(0);
        shares[at++] += outcome == '1';
      }
    }
  }
  for (double& share : shares) share /= static_cast<double>(runs.size());
  return shares;
}

void add_interval(json& mean, const std::vector<json>& runs, const std::string& variant, const std::string& key) {
  for (const json& run : runs) {
    if (run.at("variant") != variant || !run.contains(key) || run[key].is_null()) continue;
    index_t questions = 0;
    for (const json& task : run.at("tasks"))
      if (key == over_all || key == of_task + task.at("task").get<std::string>())
        questions += task.at("questions").get<index_t>();
    const gmoe::interval in = gmoe::wilson_interval(std::min(mean.at("mean").get<double>(), 1.0), questions);
    mean["low"] = in.low;
    mean["high"] = in.high;
    mean["questions"] = questions;
    return;
  }
}

json interval_kinds() {
  return {{"accuracy", "95 %, over the questions: Wilson's score interval of the mean over the seeds"},
          {"difference", "low and high: 95 %, over the seeds: Student's t of the paired differences"},
          {"difference over questions",
           "question_low and question_high: 95 %, over the questions: Agresti and Min's, of the shares of seeds that "
           "answered each right"},
          {"verdict", "better or worse only where neither interval of the difference holds 0"}};
}

std::string tasks_text(const json& comparison) {
  const json tasks = comparison.value("tasks", json(nullptr));
  if (tasks.is_null()) return "";
  const std::string table = accuracy_table(comparison);
  if (table.empty()) return "";
  const std::string by = tasks.at("by");
  std::string text =
      gmoe::concat("\nTasks: accuracy in %, choices by log-likelihood", by == "sum" ? "" : " per " + by, ", ",
                   examples::plural(tasks.at("shots").get<index_t>(), "example"), " before each question, ",
                   tasks.at("context").get<index_t>(), " positions; the interval is over the questions:\n");
  return text + table + difference_table(comparison);
}

}  // namespace compare
