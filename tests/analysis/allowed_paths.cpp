#include "gmoe/analysis/allowed_paths.hpp"

#include <algorithm>
#include <cmath>

#include "gmoe/model/under_rule.hpp"
#include "gmoe/moe/form/multi_head.hpp"
#include "gmoe/train/evaluate.hpp"
#include "moe/routing_helpers.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::model_backend;
using gmoe_test::randomise;
using gmoe_test::refusal;
using gmoe_test::small_model;
using gmoe_test::small_sizes;

namespace {

using on = model_backend;

std::vector<std::uint8_t> bytes_of(std::size_t size) {
  std::vector<std::uint8_t> t(size);
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<std::uint8_t>((i * i + i / 3) % 11);
  return t;
}
using bytes_view = std::span<const std::uint8_t>;

/// The step that a token takes: of all allowed paths that begin as it did, the one whose next step has the largest sum
/// of scores, or its own.
path_step by_loops(const std::vector<chosen_path>& allowed, const std::vector<path_step>& before, const path_step& own,
                   const double* scores) {
  const std::size_t l = before.size();
  path_step best;
  double most = -1;
  for (const chosen_path& p : allowed) {
    bool begins_so = true;
    for (std::size_t i = 0; i < l; ++i) begins_so = begins_so && p.steps[i] == before[i];
    if (!begins_so) continue;
    if (p.steps[l] == own) return own;
    double sum = 0;
    for (const id_type e : p.steps[l]) sum += scores[e];
    if (sum > most) best = p.steps[l], most = sum;
  }
  return best;
}

/// Every decision of a pass under the rule, in loops over tokens and paths; what the router wants alone is the k best
/// of its scores.
template <class Card>
void check_steps(index_t paths, path_of what) {
  CAPTURE(paths);
  auto model = small_model<Card>();
  randomise(model, 7);
  const std::vector<std::uint8_t> t = bytes_of(200);
  const auto record = record_routing(model, bytes_view(t), {.sequence = 7, .batch = 3});
  std::vector<chosen_path> allowed = count_chosen_paths(record.decisions, what);
  REQUIRE(std::ssize(allowed) > paths);
  allowed.resize(static_cast<std::size_t>(paths));
  const allowed_paths<on> rule(path_tree(allowed), what);
  const under_rule held(model, rule);
  index_t moved = 0, stayed = 0;
  evaluate(held, bytes_view(t), 7, 3, 0, [&](const losses<on>& l) {
    std::vector<std::vector<path_step>> taken;
    for (const routing<on>& r : l.found.routings) {
      const auto scores = r.scores.value().to_host(), weights = r.weights.value().to_host();
      const auto ids = r.chosen.to_host();
      const auto k = static_cast<std::size_t>(r.chosen.cols()), n = static_cast<std::size_t>(r.experts);
      taken.resize(ids.size() / k);
      const auto counts = r.valid.all() ? std::vector<double>(taken.size(), 1.0) : r.valid.mask.to_host();
      for (std::size_t token = 0; token < taken.size(); ++token) {
        if (counts[token] == 0) continue;
        const double* const p = &scores[token * n];
        std::vector<id_type> best(n),
            row(ids.begin() + static_cast<long>(token * k), ids.begin() + static_cast<long>((token + 1) * k));
        for (std::size_t e = 0; e < n; ++e) best[e] = static_cast<id_type>(e);
        std::stable_sort(best.begin(), best.end(), [&](id_type a, id_type b) { return p[a] > p[b]; });
        best.resize(k);
        path_step own = best;
        if (what == path_of::first_choices) own.resize(1);
        std::sort(own.begin(), own.end());
        const path_step step = by_loops(allowed, taken[token], own, p);
        ++(step == own ? stayed : moved);
        taken[token].push_back(step);
        if (what == path_of::sets) {
          CHECK(std::is_sorted(row.begin(), row.end(), [&](id_type a, id_type b) { return p[a] > p[b]; }));
          std::sort(row.begin(), row.end());
          CHECK(row == step);
        } else {
          CHECK(row[0] == step[0]);
          // The others are the best that are left.
          std::erase(best, step[0]);
          best.resize(k - 1);
          CHECK(std::equal(best.begin(), best.end(), row.begin() + 1));
        }
        double sum = 1e-9;
        for (std::size_t j = 0; j < k; ++j) sum += p[ids[token * k + j]];
        if (k > 1)  // of smoe: shares of what is chosen
          for (std::size_t j = 0; j < k; ++j)
            CHECK(std::abs(weights[token * k + j] - p[ids[token * k + j]] / sum) < 1e-12);
        else
          CHECK(weights[token] == p[ids[token]]);
      }
    }
  });
  CHECK(moved > 0);
  CHECK(stayed > 0);
}

}  // namespace

TEST_CASE("analysis/allowed_paths: every step against loops over tokens and paths") {
  for (const path_of what : {path_of::sets, path_of::first_choices})
    for (const index_t paths : {1, 4, 12}) {
      check_steps<smoe_card>(paths, what);
      check_steps<gmoe_card>(paths, what);
    }
}

TEST_CASE("analysis/allowed_paths: all paths of a text change nothing to the bit, fewer do") {
  auto model = small_model<smoe_card>();
  randomise(model, 7);
  const std::vector<std::uint8_t> t = bytes_of(100);
  const bytes_view text(t);
  const auto record = record_routing(model, text, {.sequence = 7, .batch = 3});
  const double loss = evaluate(model, text, 7, 3).loss;
  for (const path_of what : {path_of::sets, path_of::first_choices}) {
    const auto all = count_chosen_paths(record.decisions, what);
    const allowed_paths<on> everything(path_tree(all), what), one(path_tree({all.data(), 1}), what);
    CHECK(evaluate(under_rule(model, everything), text, 7, 3).loss == loss);
    CHECK(evaluate(under_rule(model, one), text, 7, 3).loss != loss);
    const auto held = record_routing(under_rule(model, one), text, {.sequence = 7, .batch = 3});
    CHECK(share_on(held.decisions, std::span(all).first(1), what) == 1);
  }
}

TEST_CASE("analysis/allowed_paths: among equals the first, without scores the first") {
  const std::vector<chosen_path> paths{{{{1, 2}, {0}}, 5}, {{{0, 3}, {0}}, 4}, {{{1, 2}, {3}}, 1}};
  const path_tree tree(paths);
  const std::vector<double> p{0.3, 0.2, 0.2, 0.1};
  CHECK(tree.nearest(0, {0, 1}, p) == path_step{1, 2});
  CHECK(tree.nearest(0, {0, 1}, {}) == path_step{1, 2});
  CHECK(tree.nearest(0, {0, 3}, {}) == path_step{0, 3});
  CHECK(tree.nearest(tree.behind(0, {1, 2}), {2}, p) == path_step{0});
  CHECK(tree.nearest(tree.behind(0, {1, 2}), {3}, p) == path_step{3});
  CHECK(tree.nearest(tree.behind(0, {0, 3}), {3}, p) == path_step{0});
}

TEST_CASE("analysis/allowed_paths: refusals name what is wrong") {
  CHECK(refusal([] { path_tree(std::vector<chosen_path>{}); }) == "path_tree: there are no paths to allow");
  CHECK(refusal([] {
          path_tree(std::vector<chosen_path>{{{{1}, {0}}, 1}, {{{1}}, 1}});
        }) == "path_tree: a path of 1 layers beside one of 2");
  auto model = small_model<smoe_card>();
  const std::vector<chosen_path> short_ones{{{{0, 1}}, 1}};
  const allowed_paths<on> rule{path_tree(short_ones), path_of::sets};
  const gmoe_test::text data(2, 5, 11);
  CHECK(refusal([&] {
          under_rule(model, rule).loss({}, data.on<on>(11));
        }).find(": mixture number 1 of a model, but the paths are of 1 layers") != std::string::npos);
  CHECK(refusal([&] {
          under_rule(model, rule).loss({.training = true}, data.on<on>(11));
        }).find("a routing rule is one at inference") != std::string::npos);
  struct in_parts : smoe_card {
    multi_head form{};
  };
  language_model<in_parts, on> parts(small_sizes());
  CHECK(refusal([&] {
          under_rule(parts, rule).loss({}, data.on<on>(11));
        }).find("paths are of tokens, but some of them or parts of them are routed here") != std::string::npos);
}
