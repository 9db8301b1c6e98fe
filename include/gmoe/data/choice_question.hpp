#pragma once
/// A question whose answer is one of several texts, and examples with their answers before it.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gmoe {

/// A model answers with the choice that it finds likeliest right after the context.
struct choice_question {
  std::string task;     ///< what its result is counted under
  std::string where;    ///< it came from, for messages
  std::string context;  ///< may be empty: then the choices are whole texts, such as the sentences of a minimal pair
  std::vector<std::string> choices;
  std::size_t answer = 0;  ///< which of them is right
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

}  // namespace gmoe
