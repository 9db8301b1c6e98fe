// What a policy sees where a model is not trained: the step that it has come to, and random numbers of its own.
#include "gmoe/train/evaluate.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "backends.hpp"
#include "gmoe/analysis/record.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/train/train.hpp"
#include "io/temp_folder.hpp"

using namespace gmoe;

namespace {

using B = GMOE_TEST_BACKEND<float>;
using choices = std::vector<id_type>;

/// What the first mixture chose in the last pass of any model here, and by which scores.
struct last_pass {
  choices chosen;
  index_t slots = 0;
  std::vector<float> scores;

  template <class Backend>
  void remember(const place<Backend>& at, const routing<Backend>& r, const id_matrix<Backend>& ids) {
    if (at.layer.moe_layer == 0) *this = {ids.to_host(), ids.cols(), r.scores.value().to_host()};
  }
} last;

/// Three experts per token up to step 2, then two, then one: how many it takes tells the step.
struct scheduled {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 3; }
  template <class Backend>
  id_matrix<Backend> choose(const place<Backend>& at, const routing<Backend>& r) const {
    const index_t k = at.step < 2 ? 3 : at.step < 4 ? 2 : 1;
    id_matrix<Backend> chosen = top_k{.k = k}.choose(at, r);
    last.remember(at, r, chosen);
    return chosen;
  }
};

/// One expert, drawn by chance, in evaluation too.
struct by_chance {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 1; }
  template <class Backend>
  id_matrix<Backend> choose(const place<Backend>& at, const routing<Backend>& r) const {
    matrix<Backend> draws(r.scores.rows(), r.experts);
    Backend::fill_uniform(draws.view(), 0, 1, at.stream(random_site::selection, draws.size()));
    id_matrix<Backend> chosen(r.scores.rows(), 1);
    Backend::top_k_rows(chosen.view(), std::as_const(draws).view());
    last.remember(at, r, chosen);
    return chosen;
  }
};

using scheduled_model = language_model<with<smoe_card, scheduled>, B>;
using random_model = language_model<with<smoe_card, by_chance, selected_score>, B>;

const sizes smaller{.vocab = 32, .positions = 8, .d_model = 16, .layers = 2, .heads = 2, .d_ff = 24, .experts = 4};
const recipe few{.steps = 6, .batch = 2, .sequence = 8};

const std::vector<std::uint8_t> short_text = [] {
  std::vector<std::uint8_t> t(400);
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<std::uint8_t>(i * i % 29);
  return t;
}();
const std::span<const std::uint8_t> short_tokens(short_text);

template <class Model>
void check_slots(const Model& m, index_t expected) {
  evaluate(m, short_tokens, 8, 2, 1, [&](const losses<B>& l) { CHECK(l.found.routings[0].chosen.cols() == expected); });
  last = {};
  CHECK(record_routing(m, short_tokens, {.sequence = 8, .batch = 2, .most_tokens = 5}).decisions.slots(0) == expected);
  CHECK(last.slots == expected);
  last = {};
  generate(m, std::span<const id_type>(choices{1, 2}), {.tokens = 2});
  CHECK(last.slots == expected);
}

/// What the first mixture chose in each of `passes` passes of one token.
choices drawn(generator<random_model>& reader, int passes) {
  choices all;
  const id_type token = 3;
  for (int i = 0; i < passes; ++i) {
    reader.read({&token, 1});
    all.push_back(last.chosen.at(0));
  }
  return all;
}

/// What each batch of an evaluation chose.
std::vector<choices> drawn(const random_model& m) {
  std::vector<choices> all;
  evaluate(m, short_tokens, 8, 2, 4, [&](const losses<B>& l) { all.push_back(l.found.routings[0].chosen.to_host()); });
  return all;
}

}  // namespace

TEST_CASE("train/evaluate: schedules see the step that training has come to, also after a resumption") {
  const gmoe_test::temp_folder folder;
  const auto file = folder.path / "state.safetensors";
  scheduled_model m(smaller);
  CHECK(m.step() == 0);
  trainer run(m, short_tokens, few);
  check_slots(m, 3);
  for (index_t expected : {3, 2, 2, 1}) {
    run.step();
    CHECK(m.step() == run.steps_done());
    check_slots(m, expected);
    if (run.steps_done() == 3) save_checkpoint(file, run, "scheduled");
  }
  scheduled_model again(smaller, 5);
  trainer resumed(again, short_tokens, few);
  load_checkpoint(file, resumed, "scheduled");
  CHECK(again.step() == 3);
  check_slots(again, 2);
  again.set_step(4);  // who restores a model in another way says so
  check_slots(again, 1);
}

TEST_CASE("train/evaluate: random choices differ from batch to batch, and repeat with the evaluation") {
  random_model m(smaller);
  const auto first = drawn(m);
  REQUIRE(first.size() == 4);
  CHECK(std::set<choices>(first.begin(), first.end()).size() == 4);
  CHECK(drawn(m) == first);
  const auto record = record_routing(m, short_tokens, {.sequence = 8, .batch = 2});
  const auto ids = record.decisions.ids(0);
  for (std::size_t batch = 0; batch < 4; ++batch)
    CHECK(choices(ids.begin() + static_cast<std::ptrdiff_t>(16 * batch),
                  ids.begin() + static_cast<std::ptrdiff_t>(16 * (batch + 1))) == first[batch]);
  CHECK(evaluate(m, short_tokens, 8, 2).loss == evaluate(m, short_tokens, 8, 2).loss);
}

TEST_CASE("model/generate: random choices differ from pass to pass, and follow the seed") {
  random_model m(smaller);
  generator reader(m), alike(m), other(m, 0, random_stream(7));
  const choices first = drawn(reader, 40);  // far beyond the eight positions
  for (id_type e = 0; e < 4; ++e) CHECK(std::count(first.begin(), first.end(), e) > 2);
  CHECK(drawn(alike, 40) == first);
  CHECK(drawn(other, 40) != first);
  CHECK(drawn(reader, 40) != first);  // it has gone on
  reader.restart();
  CHECK(drawn(reader, 40) == first);

  const choices prompt{1, 2, 3};
  const auto made = [&](std::uint64_t seed) {
    generate(m, std::span(prompt), {.tokens = 5, .seed = seed});
    return last.scores;
  };
  CHECK(made(1) == made(1));
  CHECK(made(1) != made(2));
}
