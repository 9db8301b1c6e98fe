#include "gmoe/data/choice_question.hpp"

#include <doctest/doctest.h>

TEST_CASE("data/choice_question: examples with their answers stand before the question") {
  const gmoe::choice_question sky{"t", "", "The sky is", {" red", " blue"}, 1}, sea{"t", "", "The sea is", {" wet"}, 0};
  const gmoe::choice_question pair{"t", "", "", {"Cats sleep.", "Cats sleeps."}, 0};
  CHECK(gmoe::few_shot_prompt({}, sky) == "\nThe sky is");
  CHECK(gmoe::few_shot_prompt({}, pair) == "\n");
  const gmoe::choice_question examples[] = {sky, sea};
  CHECK(gmoe::few_shot_prompt(examples, pair) == "\nThe sky is blue\nThe sea is wet\n");
  CHECK(gmoe::few_shot_prompt(examples, sea, " / ") == " / The sky is blue / The sea is wet / The sea is");
}

TEST_CASE("data/choice_question: in tokens, what stands between is in the questions") {
  const gmoe::choice_question text{"t", "", "The sky is", {" red", " blue"}, 1};
  CHECK_FALSE(text.in_tokens());
  CHECK(text.size() == 2);
  CHECK(text.bytes_of(1) == 5);
  gmoe::choice_question first, second;
  first.context_tokens = {9, 1};
  first.choice_tokens = {{2}, {3, 4}, {5}};
  first.answer = 1;
  second.context_tokens = {9, 6};
  second.choice_tokens = {{7}, {8}};
  second.choice_bytes = {4, 0};
  CHECK(first.in_tokens());
  CHECK(first.size() == 3);
  CHECK(first.bytes_of(1) == 0);
  CHECK(second.bytes_of(0) == 4);
  CHECK(gmoe::few_shot_tokens({}, first) == std::vector<gmoe::id_type>{9, 1});
  CHECK(gmoe::few_shot_tokens(std::span(&first, 1), second) == std::vector<gmoe::id_type>{9, 1, 3, 4, 9, 6});
}
