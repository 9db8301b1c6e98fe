#pragma once
/// The forms in which questions with choices are published, a function per form, and what a model is asked by each.
///
/// Texts are taken as they stand. Questions become "Question: ...\nAnswer:", after which a choice follows a space.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/io/task_line.hpp"

namespace gmoe {

namespace detail {

using choice_questions = std::vector<choice_question>;

inline std::vector<std::string> after_space(std::vector<std::string> choices) {
  for (std::string& c : choices) c.insert(0, " ");
  return choices;
}
inline std::string question_prompt(const std::string& question) { return "Question: " + question + "\nAnswer:"; }

/// BLiMP (Warstadt et al. 2020): two whole sentences, counted by paradigm.
inline void read_blimp(const task_line& line, choice_questions& to) {
  choice_question q = line.question("", {line.text("sentence_good"), line.text("sentence_bad")}, 0);
  if (line.has("UID")) q.task = line.text("UID");
  to.push_back(std::move(q));
}

/// PIQA (Bisk et al. 2020): its labels are a field, or lines of a file beside.
inline void read_piqa(const task_line& line, choice_questions& to) {
  std::vector<std::string> choices{line.text("sol1"), line.text("sol2")};
  require<file_error>(line.has("label") || !line.label_beside().empty(), line.where(),
                      ": has no field 'label', and there is no file of labels: for NAME.jsonl, NAME-labels.lst");
  const std::size_t answer =
      line.has("label") ? line.place("label", 2) : line.place("label", std::string(line.label_beside()), 2);
  to.push_back(line.question(question_prompt(line.text("goal")), after_space(std::move(choices)), answer));
}

/// HellaSwag (Zellers et al. 2019).
inline void read_hellaswag(const task_line& line, choice_questions& to) {
  std::vector<std::string> choices = line.texts("endings", 2);
  const std::size_t answer = line.place("label", choices.size());
  to.push_back(
      line.question(line.text("activity_label") + ": " + line.text("ctx"), after_space(std::move(choices)), answer));
}

/// RACE (Lai et al. 2017): a passage with its questions, or one of them.
inline void read_race(const task_line& line, choice_questions& to) {
  const std::string article = line.text("article");
  const auto add = [&](const std::string& question, std::vector<std::string> choices, const nlohmann::json& answer,
                       const std::string& name) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < choices.size() && i < 26; ++i) names.emplace_back(1, static_cast<char>('A' + i));
    const std::size_t right = line.place(name, answer, names);
    to.push_back(line.question(article + "\n" + question_prompt(question), after_space(std::move(choices)), right));
  };
  if (!line.has("questions"))
    return add(line.text("question"), line.texts("options", 2), line.field("answer"), "answer");
  const std::vector<std::string> asks = line.texts("questions");
  const nlohmann::json &options = line.list("options"), &answers = line.list("answers");
  require<file_error>(options.size() == asks.size() && answers.size() == asks.size(), line.where(), ": ", asks.size(),
                      " questions, ", options.size(), " options and ", answers.size(),
                      " answers, expected as many of each");
  for (std::size_t i = 0; i < asks.size(); ++i)
    add(asks[i], line.texts(concat("options[", i, "]"), options[i], 2), answers[i], concat("answers[", i, "]"));
}

/// The choices of ARC and OpenBookQA: objects {text, label}, or an object of two lists.
inline void read_labelled(const task_line& line, const std::string& stem, const task_line& holder,
                          choice_questions& to) {
  std::vector<std::string> choices, labels;
  if (const nlohmann::json& given = holder.field("choices"); given.is_object()) {
    const task_line lists = holder.within("choices");
    choices = lists.texts("text", 2);
    labels = lists.texts("label", 2);
    require<file_error>(labels.size() == choices.size(), line.where(), ": ", choices.size(), " choices with ",
                        labels.size(), " labels, expected as many of both");
  } else {
    for (const nlohmann::json& choice : holder.list("choices", 2)) {
      require<file_error>(choice.is_object(), line.where(), ": field 'choices[", choices.size(), "]' is ",
                          shown(choice), ", expected an object");
      const task_line one(choice, "", concat(line.where(), ": choices[", choices.size(), "]"));
      choices.push_back(one.text("text"));
      labels.push_back(one.text("label"));
    }
  }
  const std::size_t answer = line.place("answerKey", line.field("answerKey"), labels);
  to.push_back(line.question(question_prompt(stem), after_space(std::move(choices)), answer));
}

/// ARC (Clark et al. 2018) and OpenBookQA (Mihaylov et al. 2018), whose lines have the same form.
inline void read_arc(const task_line& line, choice_questions& to) {
  if (line.field("question").is_string()) return read_labelled(line, line.text("question"), line, to);
  const task_line question = line.within("question");
  read_labelled(line, question.text("stem"), question, to);
}
inline void read_openbookqa(const task_line& line, choice_questions& to) {
  read_labelled(line, line.text("question_stem"), line, to);
}

/// The plain form: context and choices as a model shall read them, the place of the right one, and if one likes the
/// task that it is counted under.
inline void read_plain(const task_line& line, choice_questions& to) {
  line.refuse_others(std::array<std::string_view, 5>{"context", "choices", "label", "task", "id"});
  const nlohmann::json& context = line.field("context");
  require<file_error>(context.is_string(), line.where(), ": field 'context' is ", shown(context), ", expected a text");
  std::vector<std::string> choices = line.texts("choices", 2);
  const std::size_t answer = line.place("label", choices.size());
  choice_question q = line.question(context.get<std::string>(), std::move(choices), answer);
  if (line.has("task")) q.task = line.text("task");
  to.push_back(std::move(q));
}

/// The plain form in token ids, with the ids of whatever shall stand first in the context, and if one likes the
/// lengths of the choices' texts in bytes.
inline void read_plain_tokens(const task_line& line, choice_questions& to) {
  line.refuse_others(
      std::array<std::string_view, 6>{"context_tokens", "choice_tokens", "choice_bytes", "label", "task", "id"});
  const nlohmann::json& choices = line.list("choice_tokens", 2);
  choice_question q = line.question("", {}, line.place("label", choices.size()));
  q.context_tokens = line.tokens("context_tokens", line.field("context_tokens"));
  for (const nlohmann::json& choice : choices)
    q.choice_tokens.push_back(line.tokens(concat("choice_tokens[", q.choice_tokens.size(), "]"), choice));
  if (line.has("choice_bytes")) {
    const auto bytes =
        line.numbers("choice_bytes", line.field("choice_bytes"), 1, std::numeric_limits<std::int32_t>::max());
    q.choice_bytes.assign(bytes.begin(), bytes.end());
    require<file_error>(bytes.size() == q.size(), line.where(), ": ", q.size(), " choices and ", bytes.size(),
                        " lengths in 'choice_bytes', expected as many of both");
  }
  if (line.has("task")) q.task = line.text("task");
  to.push_back(std::move(q));
}

}  // namespace detail

/// A form is known by a field that those before it do not have.
struct task_form {
  std::string_view name, field;
  void (*read)(const task_line&, std::vector<choice_question>&);
};
inline constexpr std::array<task_form, 8> task_forms{{{"BLiMP", "sentence_good", detail::read_blimp},
                                                      {"PIQA", "sol1", detail::read_piqa},
                                                      {"HellaSwag", "endings", detail::read_hellaswag},
                                                      {"RACE", "article", detail::read_race},
                                                      {"OpenBookQA", "question_stem", detail::read_openbookqa},
                                                      {"ARC or OpenBookQA", "question", detail::read_arc},
                                                      {"plain tokens", "choice_tokens", detail::read_plain_tokens},
                                                      {"plain", "choices", detail::read_plain}}};

}  // namespace gmoe
