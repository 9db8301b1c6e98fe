// Every variant, trained once: sample says what train said, score answers, buddies evaluates.

#include <cmath>
#include <nlohmann/json.hpp>

#include "gmoe/data/byte_tokenizer.hpp"
#include "gmoe/io/checkpoint_header.hpp"
#include "program.hpp"
#include "session/session.hpp"

using gmoe_test::sample;
using gmoe_test::score;
using gmoe_test::slurp;
using gmoe_test::train;
using gmoe_test::with_buddies;
using gmoe_test::words;
using gmoe_test::workplace;
using nlohmann::json;

namespace {

/// sample finds the numbers of the card in the checkpoint, and says what train said at its end.
void check_sample(const workplace& w, const std::string& name, const std::string& train_said) {
  REQUIRE_MESSAGE(w.run(sample(name, {"--prompt", "Verse"})) == 0, w.err());
  CHECK(w.out().starts_with("Verse"));
  CHECK(train_said.ends_with("\n" + w.out()));
}

/// score answers, for two variants as their session says, or tells why there is no answer.
void check_score(const workplace& w, const std::string& name) {
  if (const std::string obstacle = examples::likelihood_obstacle(name); !obstacle.empty()) {
    CHECK(w.run(score(name)) == 1);
    CHECK_HAS(w.err(), "has no likelihoods of continuations: " + obstacle);
    return;
  }
  REQUIRE_MESSAGE(w.run(score(name, {"--json", "r.json"})) == 0, w.err());
  CHECK_HAS(w.out(), name + " after 2 of 2 steps");
  const json r = json::parse(slurp(w / "r.json"));
  if (name != "gmoe" && name != "dense") return;
  const auto file = w / name / "checkpoint.safetensors";
  const auto h = examples::check_checkpoint(file);
  const auto s = examples::make_session({.variant = name,
                                         .shape = h.shape,
                                         .card = examples::numbers_in(h),
                                         .how = h.how,
                                         .train = {},
                                         .validation = {},
                                         .text_fingerprint = "",
                                         .only_model = true});
  s->load(file);
  const gmoe::byte_tokenizer bytes;
  const std::vector<gmoe::continuation> pairs{{bytes.encode("\nVerse"), bytes.encode(" of")},
                                              {bytes.encode("\n"), bytes.encode("Verse")}};
  const auto l = s->log_likelihoods(pairs, {.positions = 16});
  CHECK(std::abs(r["questions"][0]["choices"][1]["log_likelihood"].get<double>() - l[0].sum) < 1e-4);
  CHECK(std::abs(r["questions"][2]["choices"][1]["log_likelihood"].get<double>() - l[1].sum) < 1e-4);
}

/// buddies: with all experts as without a budget.
void check_buddies(const workplace& w, const std::string& name) {
  const int status = w.run(with_buddies(name, {"--budget", "0.5,1", "--json", "b.json"}));
  if (name == "dense" || name == "dense-relu" || name == "soft-moe" || name == "smear" || name == "moa" ||
      name == "h-1-heads") {  // which choose nobody
    CHECK(status == 1);
    CHECK_HAS(w.err(), "the model has no mixture of experts");
    return;
  }
  REQUIRE_MESSAGE(status == 0, w.err());
  CHECK_HAS(w.out(), name + " after 2 of 2 steps");
  const json r = json::parse(slurp(w / "b.json"));
  REQUIRE(r["budgets"].size() == 2);
  CHECK(r["tokens"] == 256);
  const json &half = r["budgets"][0], &all = r["budgets"][1];
  CHECK(half["in_memory"] < all["in_memory"]);
  CHECK(all["in_memory"] == r["experts"]);
  for (const char* how : {"by_routing", "by_weights", "dropped"}) {
    INFO(how);
    // Experts that are slices of a tensor, directions, or adapters have no hidden units to be compared by.
    const bool compared =
        name != "mu-moe" && name != "subspace" && name != "mov" && name != "molora" && name != "mor1e";
    if (how == std::string("by_weights")) CHECK(r.contains("no_buddies_by_weights") == !compared);
    CHECK(all.contains(how) == (compared || how != std::string("by_weights")));
    if (!all.contains(how)) continue;
    CHECK(all[how]["perplexity"] == r["perplexity"]);
    CHECK(all[how]["absent"] == 0);
    CHECK(half[how]["pairs"] > 0);
  }
  CHECK(half["dropped"]["substituted"] == 0);
}

}  // namespace

TEST_CASE("runs/every_variant: trained, it speaks, answers, and makes do with a part of its experts") {
  const workplace w;
  gmoe_test::write_questions(w);
  for (const auto& v : examples::all_variants()) {
    INFO(v.name);
    words more{"--variant", v.name, "--steps", "2", "--prompt", "Verse", "--sample-tokens", "20"};
    for (const char* number : {"experts.granularity=2", "select.k=2", "balance.alpha=0.3"})  // sample finds them there
      if (!examples::settings_for(v.name, examples::read_settings({number})).empty())
        more.insert(more.end(), {"--set", number});
    REQUIRE_MESSAGE(w.run(train(v.name, more)) == 0, w.err());
    check_sample(w, v.name, w.out());
    check_score(w, v.name);
    check_buddies(w, v.name);
    std::filesystem::remove_all(w / v.name);
  }
}
