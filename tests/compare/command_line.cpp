#include "command_line.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

/// What is wrong with these arguments for a program with a few options of every kind.
std::string wrong(std::vector<std::string> arguments) {
  CLI::App app("about", "program");
  std::int64_t steps = 0;
  int threads = 0;
  double rate = 0, heat = 0;
  std::uint64_t seed = 0;
  std::string backend = "eigen", file, prompt;
  std::vector<std::int64_t> blocks;
  bool resume = false;
  app.add_option("--steps", steps);
  app.add_option("--threads", threads)->check(CLI::NonNegativeNumber);
  app.add_option("--rate", rate)->check(CLI::PositiveNumber);
  app.add_option("--heat", heat);
  app.add_option("--seed", seed);
  app.add_option("--backend", backend)->check(CLI::IsMember({"eigen", "thrust"}));
  app.add_option("--blocks", blocks)->delimiter(',');
  app.add_option("--prompt", prompt);
  app.add_option("--file", file)->required();
  app.add_flag("--resume", resume);
  arguments.insert(arguments.begin(), {"--file", "f"});
  const std::string said = examples::detail::what_is_wrong(app, arguments);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    return said.empty() ? e.what() : said;  // whatever CLI11 refuses must have been noticed before
  }
  return said.empty() ? "nothing" : said;
}

}  // namespace

TEST_CASE("compare/command_line: what is right is read") {
  CHECK(wrong({}) == "nothing");
  CHECK(wrong({"--steps", "-5", "--rate=0.5", "--blocks", "1,3", "--resume", "--backend", "thrust"}) == "nothing");
  CHECK(wrong({"--blocks", "1", "3", "--seed", "18446744073709551615"}) == "nothing");
  CHECK(wrong({"--prompt", "--- and so on"}) == "nothing");
}

TEST_CASE("compare/command_line: unknown options get the nearest one") {
  CHECK(wrong({"--stpes", "5"}) == "there is no option '--stpes'; did you mean --steps?");
  CHECK(wrong({"-steps", "5"}) == "there is no option '-steps'; did you mean --steps?");
  CHECK(wrong({"--rseume"}) == "there is no option '--rseume'; did you mean --resume?");
  CHECK(wrong({"--thread=5"}) == "there is no option '--thread'; did you mean --threads?");
  CHECK(wrong({"--completely-other"}) == "there is no option '--completely-other'; --help lists them");
  CHECK(wrong({"--\x1b[2J"}) == "there is no option '--\\x1b[2J'; --help lists them");
}

TEST_CASE("compare/command_line: an unknown option may be meant for something else") {
  CLI::App app("about", "program");
  double alpha = 0;
  app.add_option("--alpha", alpha);
  const auto other = [](std::string_view name) { return name == "--alhpa" ? std::string("--set") : std::string(); };
  CHECK(examples::detail::what_is_wrong(app, {"--alhpa", "3"}, other) ==
        "there is no option '--alhpa'; did you mean --set?");
  CHECK(examples::detail::what_is_wrong(app, {"--alph", "3"}, other) ==
        "there is no option '--alph'; did you mean --alpha?");
}

TEST_CASE("compare/command_line: values that do not fit") {
  CHECK(wrong({"--steps", "abc"}) == "--steps is 'abc', expected a whole number");
  CHECK(wrong({"--steps=1.5"}) == "--steps is '1.5', expected a whole number");
  CHECK(wrong({"--steps", "99999999999999999999"}) == "--steps is '99999999999999999999', expected a whole number");
  CHECK(wrong({"--threads", "-1"}) == "--threads is '-1', expected a whole number from 0 up");
  CHECK(wrong({"--seed", "-1"}) == "--seed is '-1', expected a whole number from 0 up");
  CHECK(wrong({"--seed", "18446744073709551616"}) ==
        "--seed is '18446744073709551616', expected a whole number from 0 up");
  CHECK(wrong({"--heat", "nan"}) == "--heat is 'nan', expected a number");
  CHECK(wrong({"--rate", "0"}) == "--rate is '0', expected a number above 0");
  CHECK(wrong({"--heat", "hot"}) == "--heat is 'hot', expected a number");
  CHECK(wrong({"--blocks", "1,x"}) == "--blocks is 'x', expected a whole number");
  CHECK(wrong({"--backend", "foo"}) == "--backend is 'foo', expected eigen or thrust");
  CHECK(wrong({"--backend", "eigne"}) == "--backend is 'eigne', expected eigen or thrust; did you mean eigen?");
}

TEST_CASE("compare/command_line: values that are missing or too many") {
  CHECK(wrong({"--steps"}) == "--steps has no value, expected a whole number");
  CHECK(wrong({"--steps", "--resume"}) == "--steps has no value, expected a whole number");
  CHECK(wrong({"--prompt"}) == "--prompt has no value, expected a text");
  CHECK(wrong({"--steps", "1", "--steps", "2"}) == "--steps was given twice");
  CHECK(wrong({"--resume=perhaps"}) == "--resume takes no value");
  CHECK(wrong({"more"}) == "'more' was not expected here: options begin with --, and take one value");
  CHECK(wrong({"--steps", "1", "2"}) == "'2' was not expected here: options begin with --, and take one value");
}

TEST_CASE("compare/command_line: words for numbers and lists") {
  CHECK(examples::plural(0, "step") == "0 steps");
  CHECK(examples::plural(1, "step") == "1 step");
  CHECK(examples::plural(2, "step") == "2 steps");
  CHECK(examples::together({"a"}) == "a");
  CHECK(examples::together({"a", "b"}) == "a and b");
  CHECK(examples::either({"a", "b", "c"}) == "a, b or c");
}
