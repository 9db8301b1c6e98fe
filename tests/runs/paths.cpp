// paths probes what the choices of any saved model are worth.

#include <cmath>
#include <nlohmann/json.hpp>

#include "program.hpp"

using gmoe_test::slurp;
using gmoe_test::train;
using gmoe_test::workplace;
using nlohmann::json;

TEST_CASE("runs/paths: consistency, shuffled experts, frequent paths, and what is refused") {
  const workplace w;
  REQUIRE_MESSAGE(w.run(train("a", {"--variant", "gmoe"})) == 0, w.err());
  const auto probe = [&](const gmoe_test::words& more) { return w.run(gmoe_test::paths("a", more)); };
  REQUIRE_MESSAGE(probe({"--paths", "1,1000", "--shuffles", "2", "--json", "p.json"}) == 0, w.err());
  CHECK_HAS(w.out(), "experts in random order");
  CHECK_HAS(w.out(), "by expert");
  const json r = json::parse(slurp(w / "p.json"));
  CHECK(r["tokens"] == 256);
  CHECK(r["layers"] == 2);
  CHECK(r["consistency"]["within_layer"] == r["consistency"]["global"]);  // one pool, in one order
  CHECK(r["consistency"]["global"]["by_layer"].size() == 1);
  REQUIRE(r["shuffled"].size() == 2);
  for (const json& s : r["shuffled"]) CHECK(s["perplexity"] != r["perplexity"]);
  CHECK(r["shuffled"][0]["perplexity"] != r["shuffled"][1]["perplexity"]);
  const json &one = r["paths"][0], &all = r["paths"][1];
  CHECK(one["allowed"] == 1);
  CHECK(all["allowed"] == r["recorded_paths"]);
  CHECK(one["tokens_on_them"] < all["tokens_on_them"]);
  CHECK(all["recorded_on_them"] == 1);
  CHECK(std::abs(one["ratio"].get<double>() - one["perplexity"].get<double>() / r["perplexity"].get<double>()) < 1e-9);

  // All paths of the text that is evaluated leave it as it is.
  REQUIRE_MESSAGE(probe({"--record", "text.txt", "--path-of", "first", "--paths", "1000", "--json", "q.json"}) == 0,
                  w.err());
  CHECK(json::parse(slurp(w / "q.json"))["paths"][0]["ratio"] == 1);

  CHECK(probe({"--paths", "0"}) == 2);
  CHECK(probe({"--path-of", "some"}) == 2);
  CHECK(probe({"--context", "4096"}) == 1);
  REQUIRE_MESSAGE(w.run(train("b", {"--variant", "dense"})) == 0, w.err());
  CHECK(w.run(gmoe_test::paths("b")) == 1);
  CHECK_HAS(w.err(), "the model has no mixture of experts");
}
