#pragma once
/// Questions with choices put to a model: what score and compare share.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "fingerprint.hpp"
#include "gmoe/analysis/accuracy.hpp"
#include "gmoe/analysis/likeliest.hpp"
#include "gmoe/data/byte_tokenizer.hpp"
#include "gmoe/io/task_file.hpp"
#include "session/session.hpp"

namespace examples {

/// The questions of one file, and the examples with answers that stand before each.
struct task_set {
  std::string name;
  std::vector<gmoe::choice_question> examples, questions;
};

/// What the command line says of tasks.
struct task_options {
  std::vector<std::filesystem::path> files = {};
  std::string by = "sum";
  gmoe::index_t shots = 0;  ///< examples before a question
  std::filesystem::path shots_from =
      {};  ///< their file; else the first questions of the file itself, which are not asked
  std::string separator = "\n";
  gmoe::likelihood_options how = {};

  gmoe::likelihood_rule rule() const {
    gmoe::likelihood_rule r{};
    gmoe::from_text(by, r);
    return r;
  }
};

inline void add_task_options(CLI::App& app, task_options& o, const std::string& more_help = "") {
  const auto add = [&](const char* name, auto& value, const std::string& help) {
    return app.add_option(name, value, help)->group("Tasks");
  };
  add("--tasks", o.files,
      "a file of questions, any number of them: JSON lines as BLiMP, ARC, HellaSwag, PIQA, OpenBookQA and RACE have "
      "them, or {\"context\": TEXT, \"choices\": [TEXT, ...], \"label\": 0}" +
          more_help);
  add("--by", o.by, "what choices are compared by: log-likelihood as it is, per token, or per byte")
      ->check(CLI::IsMember({"sum", "token", "byte"}))
      ->capture_default_str();
  add("--shots", o.shots,
      "examples with their answers before every question: the first questions of the file, which are not asked")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  add("--shots-from", o.shots_from, "a file to take the examples from instead");
  add("--separator", o.separator, "stands before every example and question (default: a line feed)");
  add("--context", o.how.positions,
      "positions to use for a question; what does not fit is cut from the start; 0: as many as were trained on")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
}

/// Throws usage_error for what cannot be followed.
inline void check_task_options(const CLI::App& app, const task_options& o) {
  if (o.files.empty())
    for (const char* option : {"--by", "--shots", "--shots-from", "--separator", "--context"})
      gmoe::require<usage_error>(app.get_option(option)->count() == 0, option, " has no effect without --tasks");
  gmoe::require<usage_error>(o.shots_from.empty() || o.shots > 0,
                             "--shots-from needs --shots, the number of examples to take");
  gmoe::require<usage_error>(!o.separator.empty(),
                             "--separator is empty, expected a text: it stands before the first token too");
  std::set<std::filesystem::path> names;
  for (const std::filesystem::path& file : o.files)
    gmoe::require<usage_error>(names.insert(file.stem()).second, "--tasks has two files named ",
                               gmoe::in_quotes(file.stem().string()),
                               ", expected different names: results are counted under them");
}

namespace detail {

inline void check_question(const gmoe::choice_question& q, const task_options& o, gmoe::index_t vocabulary) {
  using gmoe::data_error;
  const auto check_ids = [&](const std::vector<gmoe::id_type>& ids) {
    for (const gmoe::id_type id : ids)
      gmoe::require<data_error>(id < vocabulary, q.where, ": token ", id, ", expected 0 to ", vocabulary - 1,
                                ", the model's vocabulary");
  };
  gmoe::require<data_error>(q.in_tokens() || vocabulary == gmoe::byte_tokenizer::vocabulary_size(), q.where,
                            ": is a text, but the model has a vocabulary of ", vocabulary,
                            ", whose tokenizer this program does not have; expected token ids, 'context_tokens' and "
                            "'choice_tokens'");
  check_ids(q.context_tokens);
  for (std::size_t c = 0; c < q.size(); ++c) {
    if (q.in_tokens()) check_ids(q.choice_tokens[c]);
    const gmoe::index_t tokens = q.in_tokens() ? std::ssize(q.choice_tokens[c]) : std::ssize(q.choices[c]);
    gmoe::require<data_error>(tokens <= o.how.positions, q.where, ": choice ", c, " has ", tokens,
                              q.in_tokens() ? " tokens" : " bytes", ", expected at most the ", o.how.positions,
                              " positions in use");
    gmoe::require<data_error>(o.rule() != gmoe::likelihood_rule::byte || q.bytes_of(c) > 0, q.where,
                              ": has no 'choice_bytes', which --by byte divides by");
  }
}

}  // namespace detail

/// Throws data_error for fewer questions than examples need, for texts where the model is not one of bytes, for tokens
/// outside its vocabulary, or a choice for which there is no room.
inline std::vector<task_set> read_tasks(const task_options& o, gmoe::index_t vocabulary) {
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
  for (const std::filesystem::path& file : o.files) {
    task_set set = o.shots_from.empty() ? split(file, 1)
                                        : task_set{"", split(o.shots_from, 0).examples, gmoe::read_task_file(file)};
    set.name = file.stem().string();
    const bool in_tokens = set.questions.front().in_tokens();
    gmoe::require<gmoe::data_error>(set.examples.empty() || set.examples.front().in_tokens() == in_tokens,
                                    set.questions.front().where, ": is in ", in_tokens ? "token ids" : "texts",
                                    ", but its examples are not");
    for (const auto* list : {&set.examples, &set.questions})
      for (const gmoe::choice_question& q : *list) detail::check_question(q, o, vocabulary);
    sets.push_back(std::move(set));
  }
  return sets;
}

/// Equal questions, with equal examples before them, have equal fingerprints.
inline std::string fingerprint_of(const task_set& set) {
  fingerprint all;
  const auto add_text = [&](const std::string& text) {
    const std::size_t length = text.size();
    all.add(std::span(&length, 1)).add(std::span<const char>(text));
  };
  const auto add_ids = [&](const std::vector<gmoe::id_type>& ids) {
    const std::size_t length = ids.size();
    all.add(std::span(&length, 1)).add(std::span<const gmoe::id_type>(ids));
  };
  for (const auto* list : {&set.examples, &set.questions})
    for (const gmoe::choice_question& q : *list) {
      add_text(q.task);
      add_text(q.context);
      add_ids(q.context_tokens);
      for (const std::string& choice : q.choices) add_text(choice);
      for (const auto& choice : q.choice_tokens) add_ids(choice);
      all.add(std::span(&q.answer, 1)).add(std::span<const gmoe::index_t>(q.choice_bytes));
    }
  return gmoe::concat(set.examples.size(), " examples, ", set.questions.size(), " questions, ", all.text());
}

struct question_result {
  const gmoe::choice_question* question;  ///< of the task set, which must outlive it
  std::vector<gmoe::choice_likelihood> choices;
  std::size_t likeliest = 0;
  bool right = false;
  bool cut = false;  ///< the start of what stands before a choice was forgotten, for want of room
};

namespace detail {

inline gmoe::continuation asked(const task_set& set, const gmoe::choice_question& q, std::size_t choice,
                                const task_options& o) {
  if (q.in_tokens()) return {gmoe::few_shot_tokens(set.examples, q), q.choice_tokens[choice]};
  const gmoe::byte_tokenizer bytes;
  return {bytes.encode(gmoe::few_shot_prompt(set.examples, q, o.separator)), bytes.encode(q.choices[choice])};
}

}  // namespace detail

/// Asks every question. `on_progress(questions done)` is called now and then.
inline std::vector<question_result> ask_all(session& model, const std::vector<task_set>& sets, const task_options& o,
                                            const std::function<void(std::size_t)>& on_progress = {}) {
  constexpr std::size_t at_once = 64;  // pairs of like length share a pass
  std::vector<question_result> results;
  for (const task_set& set : sets)
    for (std::span<const gmoe::choice_question> left(set.questions); !left.empty();) {
      const auto now = left.first(std::min(at_once, left.size()));
      left = left.subspan(now.size());
      std::vector<gmoe::continuation> pairs;
      for (const gmoe::choice_question& q : now)
        for (std::size_t c = 0; c < q.size(); ++c) pairs.push_back(detail::asked(set, q, c, o));
      const std::vector<gmoe::log_likelihood> likelihoods = model.log_likelihoods(pairs, o.how);
      auto next = likelihoods.begin();
      for (const gmoe::choice_question& q : now) {
        question_result r{&q, {}};
        for (std::size_t c = 0; c < q.size(); ++c) {
          r.choices.push_back({next->sum, next->tokens, q.bytes_of(c)});
          r.cut = r.cut || next->forgotten > 0;
          ++next;
        }
        r.likeliest = gmoe::likeliest(r.choices, o.rule());
        r.right = gmoe::is_likeliest(r.choices, q.answer, o.rule());
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

/// Every likelihood: all else follows from it.
inline nlohmann::json questions_json(const std::vector<question_result>& results) {
  nlohmann::json all = nlohmann::json::array();
  for (const question_result& r : results) {
    nlohmann::json q{{"task", r.question->task},
                     {"answer", r.question->answer},
                     {"likeliest", r.likeliest},
                     {"right", r.right},
                     {"cut", r.cut},
                     {"choices", nlohmann::json::array()}};
    for (const gmoe::choice_likelihood& c : r.choices)
      q["choices"].push_back({{"log_likelihood", c.sum}, {"tokens", c.tokens}, {"bytes", c.bytes}});
    all.push_back(std::move(q));
  }
  return all;
}

inline nlohmann::json accuracy_json(const gmoe::accuracy& a) {
  return {{"questions", a.questions}, {"right", a.right}, {"accuracy", a.share}, {"low", a.low}, {"high", a.high}};
}

}  // namespace examples
