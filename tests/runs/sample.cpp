// sample lets any saved model speak.

#include "program.hpp"

using gmoe_test::sample;
using gmoe_test::slurp;
using gmoe_test::spill;
using gmoe_test::train;
using gmoe_test::words;
using gmoe_test::workplace;

TEST_CASE("runs/sample: prompts, options and files") {
  const workplace w;
  REQUIRE(w.run(train("a")) == 0);
  REQUIRE(w.run(sample("a", {"--prompt", "Verse"})) == 0);
  const std::string said = w.out();
  spill(w / "in", "Verse\n");
  REQUIRE(w.run(sample("a/checkpoint.safetensors")) == 0);
  CHECK(w.out() == said);
  REQUIRE(w.run(sample("a", {"--seed", "43"})) == 0);
  CHECK(w.out() != said);
  REQUIRE(w.run(sample("a", {"--raw", "--temperature", "0"})) == 0);
  CHECK(w.out().size() == 20);
  REQUIRE(w.run(sample("a/best.safetensors", {"--top-k", "1", "--raw"})) == 0);
  CHECK(w.out().size() == 20);
  REQUIRE(w.run(sample("a", {"--context", "4", "--verbose"})) == 0);
  CHECK_HAS(w.err(), "gmoe after 12 of 12 steps");
  // What train saves for others is the same model.
  for (const char* folder : {"a", "a/official"}) {
    REQUIRE(w.run(sample(folder, {"--prompt", "Verse", "--temperature", "0", "--context", "16", "--verbose"})) == 0);
    spill(w / folder / "said", w.out());
  }
  CHECK_HAS(w.err(), "an official checkpoint of a gmoe model");
  CHECK(slurp(w / "a" / "said") == slurp(w / "a/official" / "said"));
}

TEST_CASE("runs/sample: mistakes are told") {
  const workplace w;
  REQUIRE(w.run(train("a")) == 0);
  const auto fails = [&](const words& command, const char* message) {
    CHECK(w.run(command) == 1);
    CHECK_HAS(w.err(), message);
  };
  fails(sample("absent", {"--prompt", "x"}), "absent");
  fails(sample("a"), "the prompt is empty");
  fails(sample("a", {"--prompt", "x", "--context", "257"}), "--context is 257, but the model has 256 positions");
  spill(w / "noise", "0123456789");
  fails(sample("noise", {"--prompt", "x"}), "noise");
  CHECK(w.run({GMOE_SAMPLE_PROGRAM}) != 0);
  CHECK_HAS(w.err(), "--checkpoint");
}
