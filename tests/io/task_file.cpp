#include "gmoe/io/task_file.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "io/temp_folder.hpp"

using gmoe::choice_question;
using gmoe::file_error;
using gmoe::read_task_file;
using gmoe_test::message_of;
using gmoe_test::spill;
using gmoe_test::temp_folder;
using texts = std::vector<std::string>;

namespace {

std::vector<choice_question> questions_in(const std::string& lines) {
  const temp_folder folder;
  spill(folder / "small.jsonl", lines);
  return read_task_file(folder / "small.jsonl");
}
void check_question(const choice_question& q, const char* context, const texts& choices, std::size_t answer) {
  CHECK(q.context == context);
  CHECK(q.choices == choices);
  CHECK(q.answer == answer);
}
/// What is said of a file, from the file's name on.
std::string task_problem(const std::string& lines) {
  const std::string all = message_of<file_error>([&] { questions_in(lines); });
  const std::size_t begin = all.find("small.jsonl'");
  return begin == all.npos ? all : all.substr(begin);
}

}  // namespace

TEST_CASE("io/task_file: the plain form, taken as it stands") {
  const auto q = questions_in(
      "{\"context\": \"One and one is\", \"choices\": [\" two\", \" three\", \" \"], \"label\": 1}\r\n"
      "{\"task\": \"pairs\", \"id\": 7, \"context\": \"\", \"choices\": [\"a\", \"b\"], \"label\": \"0\"}\n");
  REQUIRE(q.size() == 2);
  check_question(q[0], "One and one is", {" two", " three", " "}, 1);
  CHECK(q[0].task == "small");
  CHECK_HAS(q[0].where, "small.jsonl': line 1");
  check_question(q[1], "", {"a", "b"}, 0);
  CHECK(q[1].task == "pairs");
}

TEST_CASE("io/task_file: BLiMP") {
  const auto q = questions_in(
      R"({"sentence_good": "Cats sleep.", "sentence_bad": "Cats sleeps.", "field": "syntax", "UID": "agreement", "pairID": "0"})"
      "\n"
      R"({"sentence_good": "A", "sentence_bad": "B"})");  // the last line may have no end
  REQUIRE(q.size() == 2);
  check_question(q[0], "", {"Cats sleep.", "Cats sleeps."}, 0);
  CHECK(q[0].task == "agreement");
  CHECK(q[1].task == "small");
}

TEST_CASE("io/task_file: ARC and OpenBookQA, as their authors and as data libraries write them") {
  const texts choices{" wet", " dry"};
  for (
      const char* line :
      {R"({"id": "1", "question": {"stem": "Water is?", "choices": [{"text": "wet", "label": "A"}, {"text": "dry", "label": "B"}]}, "answerKey": "B"})",
       R"({"id": "1", "question": "Water is?", "choices": {"text": ["wet", "dry"], "label": ["1", "2"]}, "answerKey": "2"})",
       R"({"id": "1", "question_stem": "Water is?", "choices": {"text": ["wet", "dry"], "label": ["A", "B"]}, "answerKey": "B"})"}) {
    const auto q = questions_in(line);
    REQUIRE(q.size() == 1);
    check_question(q[0], "Question: Water is?\nAnswer:", choices, 1);
  }
}

TEST_CASE("io/task_file: HellaSwag, with labels as numbers and as texts") {
  for (const std::string label : {"2", "\"2\""}) {
    const auto q = questions_in(
        R"({"ind": 4, "activity_label": "Baking", "ctx_a": "She mixes.", "ctx_b": "she", "ctx": "She mixes. she", )"
        R"("endings": ["bakes.", "sings.", "runs."], "label": )" +
        label + "}");
    REQUIRE(q.size() == 1);
    check_question(q[0], "Baking: She mixes. she", {" bakes.", " sings.", " runs."}, 2);
  }
}

TEST_CASE("io/task_file: PIQA, with labels in its lines or in a file beside it") {
  const std::string line = R"({"goal": "Boil an egg.", "sol1": "With water.", "sol2": "With sand.")";
  const auto q = questions_in(line + ", \"label\": 1}");
  REQUIRE(q.size() == 1);
  check_question(q[0], "Question: Boil an egg.\nAnswer:", {" With water.", " With sand."}, 1);

  const temp_folder folder;
  spill(folder / "train.jsonl", line + "}\n" + line + "}\n");
  CHECK_HAS(
      message_of<file_error>([&] { read_task_file(folder / "train.jsonl"); }),
      "train.jsonl': line 1: has no field 'label', and there is no file of labels: for NAME.jsonl, NAME-labels.lst");
  spill(folder / "train-labels.lst", "1\n0\n");
  const auto two = read_task_file(folder / "train.jsonl");
  REQUIRE(two.size() == 2);
  CHECK(two[0].answer == 1);
  CHECK(two[1].answer == 0);
  spill(folder / "train-labels.lst", "1\n2\n");
  CHECK_HAS(message_of<file_error>([&] { read_task_file(folder / "train.jsonl"); }),
            "line 2: field 'label' is \"2\", expected 0 to 1, the place of the right choice");
  spill(folder / "train-labels.lst", "1\n0\n1\n");
  CHECK_HAS(message_of<file_error>([&] { read_task_file(folder / "train.jsonl"); }),
            "train-labels.lst': 3 labels, expected one for each of 2 lines of");
}

TEST_CASE("io/task_file: RACE, a passage at once or a question at once") {
  const auto q = questions_in(
      R"({"article": "Ann has a dog.", "questions": ["Who?", "What has _ ?"], "options": [["Ann", "Bob"], ["Ann", "A dog", "Ida"]], "answers": ["A", "B"], "id": "m1.txt"})");
  REQUIRE(q.size() == 2);
  check_question(q[0], "Ann has a dog.\nQuestion: Who?\nAnswer:", {" Ann", " Bob"}, 0);
  check_question(q[1], "Ann has a dog.\nQuestion: What has _ ?\nAnswer:", {" Ann", " A dog", " Ida"}, 1);
  const auto one = questions_in(
      R"({"article": "Ann has a dog.", "question": "Who?", "options": ["Ann", "Bob"], "answer": "B", "example_id": "m1.txt"})");
  REQUIRE(one.size() == 1);
  check_question(one[0], "Ann has a dog.\nQuestion: Who?\nAnswer:", {" Ann", " Bob"}, 1);
}

TEST_CASE("io/task_file: the plain form in token ids") {
  const auto q = questions_in(
      "{\"context_tokens\": [198, 3], \"choice_tokens\": [[50256], [7, 0]], \"label\": 1}\n"
      "{\"context_tokens\": [0], \"choice_tokens\": [[1], [2], [3]], \"choice_bytes\": [4, 1, 9], \"label\": 0, "
      "\"task\": \"other\", \"id\": \"x\"}\n");
  REQUIRE(q.size() == 2);
  CHECK(q[0].in_tokens());
  CHECK(q[0].task == "small");
  CHECK(q[0].context_tokens == std::vector<gmoe::id_type>{198, 3});
  CHECK(q[0].choice_tokens == std::vector<std::vector<gmoe::id_type>>{{50256}, {7, 0}});
  CHECK(q[0].answer == 1);
  CHECK(q[0].bytes_of(1) == 0);
  CHECK(q[1].task == "other");
  CHECK(q[1].bytes_of(2) == 9);
  const auto fails = [](const std::string& line, const char* message) { CHECK_HAS(task_problem(line), message); };
  fails(R"({"context_tokens": [], "choice_tokens": [[1], [2]], "label": 0})",
        "line 1: field 'context_tokens' has 0 entries, expected at least 1");
  fails(R"({"context_tokens": [0], "choice_tokens": [[1], []], "label": 0})",
        "line 1: field 'choice_tokens[1]' has 0 entries, expected at least 1");
  fails(R"({"context_tokens": [0], "choice_tokens": [[1]], "label": 0})",
        "line 1: field 'choice_tokens' has 1 entries, expected at least 2");
  for (const char* id : {"-1", "2147483648", "0.5", "\"a\"", "1e300", "null"})
    fails(std::string(R"({"context_tokens": [0, )") + id + R"(], "choice_tokens": [[1], [2]], "label": 0})",
          "line 1: field 'context_tokens[1]' is ");
  fails(R"({"context_tokens": [0], "choice_tokens": [[1], [2]], "label": 2})", "field 'label' is 2, expected 0 to 1");
  fails(R"({"context_tokens": [0], "choice_tokens": [[1], [2]], "choice_bytes": [1], "label": 0})",
        "line 1: 2 choices and 1 lengths in 'choice_bytes', expected as many of both");
  fails(R"({"context_tokens": [0], "choice_tokens": [[1], [2]], "choice_bytes": [1, 0], "label": 0})",
        "field 'choice_bytes[1]' is 0, expected a whole number from 1");
  fails(R"({"context_tokens": [0], "choice_tokens": [[1], [2]], "lable": 0})",
        "there is no field 'lable'; did you mean 'label'?");
}

TEST_CASE("io/task_file: what is not so names line, field, value and expectation") {
  const auto fails = [](const std::string& line, const char* message) { CHECK_HAS(task_problem(line), message); };
  const std::string good = R"({"context": "", "choices": ["a", "b"], "label": 0})";
  // Lines.
  fails("", "small.jsonl': is empty, expected lines of JSON");
  fails(good + "\n\n" + good, "small.jsonl': line 2: is empty, expected a JSON object");
  fails(good + "\nno JSON", "small.jsonl': line 2: not valid JSON at line 1, column 2");
  fails("[1]", "line 1: is a list, expected a JSON object");
  fails(R"({"text": "x"})", "line 1: is of no known form, expected one of the fields 'sentence_good' (BLiMP), 'sol1'");
  fails(good + "\n" + R"({"sentence_good": "A", "sentence_bad": "B"})",
        "line 2: has the form of BLiMP, but the first line that of plain");
  fails(good + "\n" + std::string(std::size_t{5} << 20, ' '),
        "line 2: has 5242880 bytes, expected JSON of at most 4194304");
  // The plain form.
  fails(R"({"choices": ["a", "b"], "label": 0})", "line 1: has no field 'context'");
  fails(R"({"context": 1, "choices": ["a", "b"], "label": 0})", "line 1: field 'context' is 1, expected a text");
  fails(R"({"context": "", "choices": [], "label": 0})", "line 1: field 'choices' has 0 entries, expected at least 2");
  fails(R"({"context": "", "choices": ["a"], "label": 0})",
        "line 1: field 'choices' has 1 entries, expected at least 2");
  fails(R"({"context": "", "choices": "ab", "label": 0})", "line 1: field 'choices' is \"ab\", expected a list");
  fails(R"({"context": "", "choices": ["a", ""], "label": 0})",
        "line 1: field 'choices[1]' is \"\", expected a text that is not empty");
  fails(R"({"context": "", "choices": ["a", null], "label": 0})",
        "line 1: field 'choices[1]' is null, expected a text");
  for (const char* label : {"2", "-1", "0.5", "\"A\"", "\"\"", "null", "true", "[0]", "1e300"})
    fails(std::string(R"({"context": "", "choices": ["a", "b"], "label": )") + label + "}",
          ", expected 0 to 1, the place of the right choice");
  fails(R"({"context": "", "choices": ["a", "b"]})", "line 1: has no field 'label'");
  fails(R"({"context": "", "choices": ["a", "b"], "lable": 0})",
        "line 1: there is no field 'lable'; did you mean 'label'?");
  // The public forms.
  fails(R"({"sentence_good": "A"})", "line 1: has no field 'sentence_bad'");
  fails(R"({"goal": "G", "sol1": "a", "sol2": "b", "label": -1})", "field 'label' is -1, expected 0 to 1");
  fails(R"({"activity_label": "L", "ctx": "C", "endings": ["a", "b"], "label": ""})",
        "field 'label' is \"\", expected 0 to 1");
  fails(R"({"ctx": "C", "endings": ["a", "b"], "label": 0})", "has no field 'activity_label'");
  fails(R"({"question": "Q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "C"})",
        "field 'answerKey' is \"C\", expected one of 'A', 'B'");
  fails(R"({"question": "Q", "choices": {"text": ["a", "b"], "label": ["A"]}, "answerKey": "A"})",
        "field 'label' has 1 entries, expected at least 2");
  fails(R"({"question": "Q", "choices": {"text": ["a", "b"], "label": ["A", "B", "C"]}, "answerKey": "A"})",
        "line 1: 2 choices with 3 labels, expected as many of both");
  fails(R"({"question": {"stem": "Q", "choices": [{"text": "a", "label": "A"}, {"label": "B"}]}, "answerKey": "A"})",
        "line 1: choices[1]: has no field 'text'");
  fails(R"({"question": {"stem": "Q", "choices": ["a", "b"]}, "answerKey": "A"})",
        "line 1: field 'choices[0]' is \"a\", expected an object");
  fails(R"({"question": 1, "answerKey": "A"})", "line 1: field 'question' is 1, expected an object");
  fails(R"({"article": "T", "questions": ["Q"], "options": [["a", "b"]], "answers": ["A", "B"]})",
        "line 1: 1 questions, 1 options and 2 answers, expected as many of each");
  fails(R"({"article": "T", "questions": ["Q"], "options": [["a", "b"]], "answers": ["C"]})",
        "field 'answers[0]' is \"C\", expected one of 'A', 'B'");
  CHECK_THROWS_AS(read_task_file("/nowhere/at all.jsonl"), file_error);
}
