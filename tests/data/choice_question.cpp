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
