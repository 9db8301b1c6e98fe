// Several threads at once: one const model that they share, trainers beside each other, and passes that fail.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/trainer.hpp"

using namespace gmoe;

namespace {

using threaded = cpu<float>;

const std::vector<std::uint8_t> threads_text = [] {
  std::vector<std::uint8_t> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(static_cast<std::uint8_t>((3 * i + i * i / 7) % 11));
  return ids;
}();
const recipe threads_recipe{.steps = 4, .batch = 2, .sequence = 8};

std::unique_ptr<any_model<threaded>> threads_model(const char* card, std::uint64_t seed = 42) {
  auto model = make_model<threaded>(
      card, {.vocab = 11, .positions = 16, .d_model = 16, .layers = 2, .heads = 2, .d_ff = 16, .experts = 4}, seed);
  if (model->needs_preparation()) model->prepare(std::vector<std::int64_t>(11, 1));
  return model;
}

/// What a thread finds out about a model: its loss, and how it goes on. Bits.
struct threads_result {
  double loss = 0, balance = 0;
  std::vector<id_type> text;
  bool operator==(const threads_result&) const = default;
};
threads_result ask_model(const any_model<threaded>& model, std::uint64_t seed) {
  const evaluation e = evaluate(model, std::span(threads_text), 8, 2, 6);
  const std::vector<id_type> prompt{1, 2, 3};
  return {e.loss, e.balance_loss, generate(model, std::span(prompt), {.tokens = 12, .seed = seed})};
}

std::vector<std::vector<float>> train_model(const char* card, std::uint64_t seed) {
  const auto model = threads_model(card, seed);
  trainer run(*model, std::span(threads_text), threads_recipe);
  while (!run.finished()) run.step();
  std::vector<std::vector<float>> all;
  model->each_parameter([&](const parameter<threaded>& p) { all.push_back(p.value().to_host()); });
  return all;
}

/// Fails at the given value, counted from 0.
struct failing_observer final : observer<threaded> {
  int left;
  explicit failing_observer(int at) : left(at) {}
  void see(std::string_view, index_t, const matrix<threaded>&) override {
    if (left-- == 0) throw data_error("an observer failed");
  }
};

}  // namespace

TEST_CASE("train/threads: eight threads share a const model, and find what one does") {
  for (const char* card : {"gmoe", "switch", "loss-free", "hash"}) {
    CAPTURE(card);
    const auto shared = threads_model(card);
    const any_model<threaded>& model = *shared;
    std::vector<threads_result> alone, together(8);
    for (std::uint64_t seed = 0; seed < 8; ++seed) alone.push_back(ask_model(model, seed));
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 0; seed < 8; ++seed)
      threads.emplace_back([&, seed] { together[seed] = ask_model(model, seed); });
    for (std::thread& t : threads) t.join();
    CHECK((together == alone));
    CHECK(alone[0].text.size() == 12);
  }
}

TEST_CASE("train/threads: trainers beside each other come to the bits of each alone") {
  const std::vector<const char*> cards{"gmoe", "loss-free", "gmoe", "switch"};
  std::vector<std::vector<std::vector<float>>> alone, together(cards.size());
  for (std::size_t i = 0; i < cards.size(); ++i) alone.push_back(train_model(cards[i], i));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < cards.size(); ++i)
    threads.emplace_back([&, i] { together[i] = train_model(cards[i], i); });
  for (std::thread& t : threads) t.join();
  CHECK((together == alone));
  CHECK((alone[0] != alone[2]));
}

TEST_CASE("train/threads: an observer that throws, wherever it does, leaves a model that works") {
  const auto model = threads_model("gmoe");
  const double before = evaluate(*model, std::span(threads_text), 8, 2, 2).loss;
  batch<threaded> data;
  data.assign(std::vector<id_type>{1, 2, 3, 4}, std::vector<id_type>{2, 3, 4, 5}, 1, 11);
  int failures = 0;
  for (bool failed = true; failed; ++failures) {
    failing_observer watch(failures);
    tape<threaded> recorded;
    context<threaded> ctx{.tape = &recorded};
    ctx.observer = &watch;
    failed = false;
    try {
      model->loss(ctx, data);
    } catch (const data_error&) {
      failed = true;
    }
  }
  CHECK(failures > 20);
  CHECK(evaluate(*model, std::span(threads_text), 8, 2, 2).loss == before);
  CHECK(train_model("gmoe", 1) == train_model("gmoe", 1));
}
