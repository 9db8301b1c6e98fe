#include "compare/table.hpp"

#include <doctest/doctest.h>

#include "analysis/hand_made.hpp"
#include "compare/differences.hpp"
#include "compare/paths.hpp"

using compare::json;
using doctest::Approx;

namespace {

json run(const char* variant, double perplexity, const json& histogram, std::vector<double> cv) {
  json r{{"variant", variant}, {"perplexity", perplexity}, {"histogram", histogram}, {"load_cv", cv}};
  r["path_entropy"] = histogram.is_null() ? json(nullptr) : json(1.5);
  return r;
}

json histogram_of(const gmoe::routing_decisions& d) { return compare::to_json(gmoe::count_paths(d), d); }

}  // namespace

TEST_CASE("compare/table: means and sample deviations over seeds, in the order of the runs") {
  const auto summary =
      compare::summarize_runs({run("b", 3, nullptr, {}), run("b", 5, nullptr, {}), run("a", 7, nullptr, {})});
  REQUIRE(summary.size() == 2);
  CHECK(summary[0]["variant"] == "b");
  CHECK(summary[0]["seeds"] == 2);
  CHECK(summary[0]["perplexity"]["mean"] == 4.0);
  CHECK(summary[0]["perplexity"]["deviation"] == Approx(std::sqrt(2.0)));
  CHECK(summary[1]["perplexity"]["mean"] == 7.0);
  CHECK(summary[1]["perplexity"]["deviation"].is_null());
  CHECK(summary[1]["path_entropy"].is_null());
}

TEST_CASE("compare/table: paths are compared in the blocks that all routed variants have") {
  // Blocks 0, 1, 2 against blocks 0, 2; a dense variant has no say.
  const auto three = hand_made::top1(2, {{0, 0, 1, 1}, {0, 1, 0, 1}, {0, 0, 1, 1}});
  gmoe::routing_decisions two;
  for (const gmoe::index_t block : {0, 2}) {
    two.add_layer(block, 2, 1);
    two.append_unscored(two.layers() - 1, hand_made::ids{0, 1, 0, 1});
  }
  std::vector<json> runs{run("three", 2, histogram_of(three), {0.5, 0.25, 0}), run("dense", 2, nullptr, {}),
                         run("two", 2, histogram_of(two), {1, 1})};
  CHECK(compare::add_common_paths(runs) == std::vector<gmoe::index_t>{0, 2});
  CHECK(runs[0]["common_path_entropy"] == Approx(std::log(2.0)));  // 0-0 and 1-1, not the four paths of all blocks
  CHECK(runs[0]["common_effective_paths"] == Approx(2.0));
  CHECK(runs[0]["common_normalized_path_entropy"] == Approx(0.5));  // of ln 4
  CHECK(runs[0]["common_top1_path_mass"] == 0.5);
  CHECK(runs[0]["mean_load_cv"] == 0.25);
  CHECK(runs[1]["common_path_entropy"].is_null());
  CHECK(runs[1]["mean_load_cv"].is_null());
  CHECK(runs[2]["common_path_entropy"] == Approx(std::log(2.0)));

  // Nothing in common: no comparison.
  gmoe::routing_decisions other;
  other.add_layer(1, 2, 1);
  other.append_unscored(0, hand_made::ids{0, 1, 0, 1});
  runs.push_back(run("other", 2, histogram_of(other), {1}));
  std::vector<json> disjoint{runs[2], runs[3]};
  CHECK(compare::add_common_paths(disjoint).empty());
  CHECK(disjoint[0]["common_path_entropy"].is_null());
}

TEST_CASE("compare/table: marks and paired differences, or what one seed leaves open") {
  const auto comparison = [](std::vector<double> a, std::vector<double> b) {
    std::vector<json> runs;
    for (const auto& [name, losses] : {std::pair{"first", a}, std::pair{"second", b}})
      for (std::size_t s = 0; s < losses.size(); ++s)
        runs.push_back({{"variant", name}, {"seed", s}, {"validation_loss", losses[s]}});
    json c{{"common_blocks", json::array()}, {"differences", compare::paired_differences(runs)}, {"equal", "tokens"}};
    c["floors"] = {{"bigram", 2.5}, {"unigram", std::log(20.0)}};
    c["speedup"] = {{"baseline", "first"}, {"curve", nullptr}};
    c["summary"] = compare::summarize_runs(runs);
    compare::add_verdicts(c["summary"], c["differences"]);
    return compare::tables(c);
  };
  const auto has = [](const std::string& text, const char* what) { return text.find(what) != std::string::npos; };
  const std::string clear = comparison({2, 2.1, 2.2}, {1, 1.1, 1.21});
  CHECK(has(clear,
            "1.1033\xC2\xB1"
            "0.1050*"));
  CHECK(has(clear,
            "2.1000\xC2\xB1"
            "0.1000 "));
  CHECK_MESSAGE(has(clear, "equal tokens "), clear);

  CHECK(has(clear, "2.5000      12.182      3.607"));  // loss and perplexity of the bigrams
  CHECK(has(clear, "20.000      4.322"));              // perplexity and bits of the unigrams
  CHECK(has(clear, "No effective speedup over first"));
  CHECK(has(clear, "Validation loss against first, in pairs of the same seed"));
  CHECK(has(clear, "second      -0.9967  -1.0110 to -0.9823  0.0058  better      3"));
  const std::string noise = comparison({2, 2.1, 2.2}, {2.1, 2, 2.2});
  CHECK(has(noise,
            "2.1000\xC2\xB1"
            "0.1000~"));
  CHECK_FALSE(has(noise, "0*"));
  CHECK(has(noise, "within noise      3"));
  const std::string one = comparison({2}, {1});
  CHECK(has(one,
            "One seed each: this table cannot tell a difference from noise. The losses of runs like the demo's "
            "have deviations of up to 0.02 from seed to seed, perplexities of 2 %"));
  CHECK_FALSE(has(one, "*"));
  CHECK_FALSE(has(one, "Validation loss against"));
}
