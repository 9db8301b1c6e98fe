#pragma once
/// A question whose answer is one of several texts, and examples with their answers before it.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/core/index.hpp"

namespace gmoe {

/// A model answers with the choice that it finds likeliest right after the context. Context and choices are texts; or
/// they are token ids, for models whose tokenizer is elsewhere, and the texts are empty.
struct choice_question {
  std::string task;     ///< what its result is counted under
  std::string where;    ///< it came from, for messages
  std::string context;  ///< may be empty: then the choices are whole texts, such as the sentences of a minimal pair
  std::vector<std::string> choices;
  std::size_t answer = 0;  ///< which of them is right

  std::vector<id_type> context_tokens = {};
  std::vector<std::vector<id_type>> choice_tokens = {};
  std::vector<index_t> choice_bytes = {};  ///< how long the texts of those tokens are; empty where nobody said

  bool in_tokens() const { return !choice_tokens.empty(); }
  std::size_t size() const { return in_tokens() ? choice_tokens.size() : choices.size(); }
  /// 0 if it is not known.
  index_t bytes_of(std::size_t choice) const {
    if (!in_tokens()) return std::ssize(choices[choice]);
    return choice_bytes.empty() ? 0 : choice_bytes[choice];
  }
};

/// What a model reads before a choice: every example with its right choice, then the question's context, `separator`
/// before each. So the first token of a question without context has something before it too.
inline std::string few_shot_prompt(std::span<const choice_question> examples, const choice_question& question,
                                   std::string_view separator = "\n") {
  std::string prompt;
  for (const choice_question& example : examples)
    (prompt += separator) += example.context + example.choices[example.answer];
  return (prompt += separator) += question.context;
}

/// The same of questions in tokens. What stands between them is theirs: no text says which ids a separator has.
inline std::vector<id_type> few_shot_tokens(std::span<const choice_question> examples,
                                            const choice_question& question) {
  std::vector<id_type> prompt;
  const auto append = [&](const std::vector<id_type>& ids) { prompt.insert(prompt.end(), ids.begin(), ids.end()); };
  for (const choice_question& example : examples) {
    append(example.context_tokens);
    append(example.choice_tokens[example.answer]);
  }
  append(question.context_tokens);
  return prompt;
}

}  // namespace gmoe
