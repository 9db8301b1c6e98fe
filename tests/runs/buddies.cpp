// buddies evaluates any saved model with a part of its experts.

#include <nlohmann/json.hpp>

#include "program.hpp"

using gmoe_test::slurp;
using gmoe_test::train;
using gmoe_test::with_buddies;
using gmoe_test::workplace;
using nlohmann::json;

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
