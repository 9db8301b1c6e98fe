// buddies evaluates any saved model with a part of its experts.

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "session/session.hpp"

using gmoe_test::slurp;
using gmoe_test::train;
using gmoe_test::words;
using gmoe_test::workplace;
using nlohmann::json;

namespace {

words with_buddies(const std::string& checkpoint, const words& more = {}) {
  words all{GMOE_BUDDIES_PROGRAM, "--checkpoint", checkpoint, "--validate", "text.txt", "--threads", "1",
            "--tokens",           "256"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

TEST_CASE("runs/buddies: every variant, with all experts as without a budget") {
  const workplace w;
  for (const auto& v : examples::all_variants()) {
    INFO(v.name);
    REQUIRE_MESSAGE(w.run(train(v.name, {"--variant", v.name, "--steps", "1"})) == 0, w.err());
    const int status = w.run(with_buddies(v.name, {"--budget", "0.5,1", "--json", "b.json"}));
    if (v.name == "dense" || v.name == "dense-relu") {
      CHECK(status == 1);
      CHECK_HAS(w.err(), "the model has no mixture of experts");
      continue;
    }
    REQUIRE_MESSAGE(status == 0, w.err());
    CHECK_HAS(w.out(), v.name + " after 1 of 1 step");
    const json r = json::parse(slurp(w / "b.json"));
    REQUIRE(r["budgets"].size() == 2);
    CHECK(r["tokens"] == 256);
    const json &half = r["budgets"][0], &all = r["budgets"][1];
    CHECK(half["in_memory"] < all["in_memory"]);
    CHECK(all["in_memory"] == r["experts"]);
    for (const char* how : {"by_routing", "by_weights", "dropped"}) {
      INFO(how);
      REQUIRE(all.contains(how));
      CHECK(all[how]["perplexity"] == r["perplexity"]);
      CHECK(all[how]["absent"] == 0);
      CHECK(half[how]["pairs"] > 0);
    }
    CHECK(half["dropped"]["substituted"] == 0);
  }
}

TEST_CASE("runs/buddies: rates and perplexities, a text to record, and what is refused") {
  const workplace w;
  REQUIRE_MESSAGE(w.run(train("a", {"--variant", "smoe"})) == 0, w.err());
  REQUIRE_MESSAGE(w.run(with_buddies("a", {"--budget", "0.25,0.5", "--json", "b.json"})) == 0, w.err());
  CHECK_HAS(w.out(), "buddies by weights");
  const json r = json::parse(slurp(w / "b.json"));
  for (const json& row : r["budgets"]) {
    CHECK(row["by_weights"]["substituted"] > 0);
    CHECK(row["by_weights"]["absent"] >= row["by_weights"]["substituted"]);
    CHECK(row["dropped"]["dropping_rate"] > 0);
    CHECK(row["dropped"]["perplexity"] != r["perplexity"]);
  }
  CHECK(r["budgets"][0]["in_memory"] == 2);
  CHECK(r["budgets"][1]["in_memory"] == 4);
  CHECK(r["experts"] == 8);
  REQUIRE_MESSAGE(w.run(with_buddies("a", {"--record", "text.txt", "--json", "c.json"})) == 0, w.err());
  CHECK(json::parse(slurp(w / "c.json"))["text"] != r["text"]);  // all of it, not its second half

  CHECK(w.run(with_buddies("a", {"--budget", "0.5,1.5"})) == 2);
  CHECK_HAS(w.err(), "--budget is 1.5, expected at most 1");
  CHECK(w.run(with_buddies("a", {"--alpha", "0"})) == 2);
  CHECK(w.run(with_buddies("a", {"--context", "4096"})) == 1);
}
