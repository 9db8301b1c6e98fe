#pragma once
/// Questions with choices that every run is asked at its end: what --tasks names.

#include <functional>
#include <string>
#include <vector>

#include "../task_score.hpp"
#include "plan.hpp"

namespace compare {

/// The questions, and how they are asked.
struct asked_tasks {
  examples::task_options how;
  std::vector<examples::task_set> sets;

  /// What a result depends on, for a run's settings: {"files": {NAME: fingerprint}, "by", "shots", "separator",
  /// "context"}.
  json settings() const;
};

/// Reads the files. Throws config_error for a context that the models have no positions for, and as read_tasks does.
asked_tasks read_asked(examples::task_options how, const gmoe::sizes& shape, const gmoe::recipe& recipe);

/// Puts all questions to the model of a run. The result gets its accuracy over all questions, `accuracy`, and of each
/// task, `accuracy:TASK`; `tasks`, for each {"task", "questions", "right", "accuracy", "low", "high" (Wilson's, over
/// the questions), "chance" (the accuracy of guessing), "outcomes": a 1 or 0 for every question}; and `questions`,
/// every likelihood, from which all of this follows. All are null for a variant that has no likelihoods. `on_progress`
/// is called now and then.
void add_tasks(json& result, examples::session& model, const asked_tasks& tasks,
               const std::function<void(std::size_t)>& on_progress);

/// Whether a run's number is an accuracy.
bool is_accuracy(const std::string& key);
/// The keys of the accuracies that runs have, or rows of a summary: over all first.
std::vector<std::string> accuracies(const std::vector<json>& runs);

/// For every question that `key` counts, the share of these runs that answered it right.
std::vector<double> shares_right(const std::vector<const json*>& runs, const std::string& key);

/// To the mean of an accuracy over a variant's runs, the interval over its questions and their number.
void add_interval(json& mean, const std::vector<json>& runs, const std::string& variant, const std::string& key);

/// What the intervals of accuracies and of their differences are.
json interval_kinds();

/// The accuracies of an assembled comparison (comparison.hpp) and their differences, as text; empty without tasks.
std::string tasks_text(const json& comparison);

}  // namespace compare
