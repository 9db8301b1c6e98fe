#pragma once
/// Questions with choices put to a model: what score and compare share.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/analysis/accuracy.hpp"
#include "gmoe/analysis/likeliest.hpp"
#include "gmoe/io/task_file.hpp"
#include "session/session.hpp"

namespace examples {

/// The questions of one file, and the examples with answers that stand before each.
struct task_set {
  std::vector<gmoe::choice_question> examples, questions;
};

struct task_options {
  gmoe::index_t shots = 0;           ///< examples before a question
  std::filesystem::path shots_from;  ///< their file; else the first questions of the file itself, which are not asked
  gmoe::likelihood_rule rule = gmoe::likelihood_rule::sum;
  std::string separator = "\n";
  gmoe::likelihood_options how;
};

/// Throws data_error for fewer questions than examples need, or a choice for which there is no room: a model of bytes
/// has `positions` for it.
inline std::vector<task_set> read_tasks(const std::vector<std::filesystem::path>& files, const task_options& o) {
  const auto split = [&](const std::filesystem::path& file, std::size_t more) {
    std::vector<gmoe::choice_question> all = gmoe::read_task_file(file);
    gmoe::require<gmoe::data_error>(all.size() >= static_cast<std::size_t>(o.shots) + more, file.string(), " has ",
                                    all.size(), " questions, expected at least ",
                                    static_cast<std::size_t>(o.shots) + more, ", as there are ", o.shots,
                                    " examples before each");
    task_set s;
    const auto first = all.begin() + o.shots;
    s.examples.assign(std::move_iterator(all.begin()), std::move_iterator(first));
    s.questions.assign(std::move_iterator(first), std::move_iterator(all.end()));
    return s;
  };
  std::vector<task_set> sets;
  for (const std::filesystem::path& file : files) {
    if (o.shots_from.empty())
      sets.push_back(split(file, 1));
    else
      sets.push_back({split(o.shots_from, 0).examples, gmoe::read_task_file(file)});
    for (const gmoe::choice_question& q : sets.back().questions)
      for (std::size_t c = 0; c < q.choices.size(); ++c)
        gmoe::require<gmoe::data_error>(std::ssize(q.choices[c]) <= o.how.positions, q.where, ": choice ", c, " has ",
                                        q.choices[c].size(), " bytes, expected at most the ", o.how.positions,
                                        " positions in use");
  }
  return sets;
}

struct question_result {
  const gmoe::choice_question* question;  ///< of the task set, which must outlive it
  std::vector<gmoe::choice_likelihood> choices;
  std::size_t likeliest = 0;
  bool right = false;
  bool cut = false;  ///< the start of what stands before a choice was forgotten, for want of room
};

/// Asks every question. `on_progress(questions done)` is called now and then.
inline std::vector<question_result> ask_all(session& model, const std::vector<task_set>& sets, const task_options& o,
                                            const std::function<void(std::size_t)>& on_progress = {}) {
  constexpr std::size_t at_once = 64;  // pairs of like length share a pass
  std::vector<question_result> results;
  for (const task_set& set : sets)
    for (std::span<const gmoe::choice_question> left(set.questions); !left.empty();) {
      const auto now = left.first(std::min(at_once, left.size()));
      left = left.subspan(now.size());
      std::vector<text_pair> pairs;
      for (const gmoe::choice_question& q : now)
        for (const std::string& choice : q.choices)
          pairs.push_back({gmoe::few_shot_prompt(set.examples, q, o.separator), choice});
      const std::vector<gmoe::log_likelihood> likelihoods = model.log_likelihoods(pairs, o.how);
      auto next = likelihoods.begin();
      for (const gmoe::choice_question& q : now) {
        question_result r{&q, {}};
        for (const std::string& choice : q.choices) {
          r.choices.push_back({next->sum, next->tokens, std::ssize(choice)});
          r.cut = r.cut || next->forgotten > 0;
          ++next;
        }
        r.likeliest = gmoe::likeliest(r.choices, o.rule);
        r.right = gmoe::is_likeliest(r.choices, q.answer, o.rule);
        results.push_back(std::move(r));
      }
      if (on_progress) on_progress(results.size());
    }
  return results;
}

/// Of every task in the order in which they come, and of all questions together.
struct task_accuracies {
  std::vector<std::pair<std::string, gmoe::accuracy>> tasks;
  gmoe::accuracy all;
};
inline task_accuracies measure_accuracies(const std::vector<question_result>& results) {
  task_accuracies found;
  for (const question_result& r : results) {
    auto at = std::find_if(found.tasks.begin(), found.tasks.end(),
                           [&](const auto& task) { return task.first == r.question->task; });
    if (at == found.tasks.end()) at = found.tasks.insert(at, {r.question->task, {}});
    for (gmoe::accuracy* a : {&at->second, &found.all}) {
      ++a->questions;
      a->right += r.right;
    }
  }
  for (auto& [name, a] : found.tasks) a = gmoe::measure_accuracy(a.right, a.questions);
  found.all = gmoe::measure_accuracy(found.all.right, found.all.questions);
  return found;
}

inline nlohmann::json accuracy_json(const gmoe::accuracy& a) {
  return {{"questions", a.questions}, {"right", a.right}, {"accuracy", a.share}, {"low", a.low}, {"high", a.high}};
}

}  // namespace examples
