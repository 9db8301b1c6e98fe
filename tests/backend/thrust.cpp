// The Thrust backend against Eigen's, on whole models. Each operation by itself is compared with plain loops by the
// other files of this folder, which are compiled for Thrust as well.
#include "gmoe/backend/thrust.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/trainer.hpp"

using namespace gmoe;

namespace {

/// The first numbers of a fixed stream as ids below `vocab`; the low ones are frequent, as words are.
std::vector<id_type> some_text(index_t count, index_t vocab) {
  const random_stream random(5);
  std::vector<id_type> ids;
  for (index_t i = 0; i < count; ++i) {
    const double u = random.uniform(static_cast<std::uint64_t>(i));
    ids.push_back(static_cast<id_type>(u * u * static_cast<double>(vocab)));
  }
  return ids;
}

struct result {
  double loss = 0, balance = 0;
  std::vector<std::string> names;
  std::vector<std::vector<double>> gradients;
};

template <class Card, class B>
result losses_and_gradients(const sizes& s, index_t sequences, index_t length) {
  language_model<Card, B> model(s);
  std::vector<id_type> ids = some_text(sequences * length + 1, s.vocab);
  const std::vector<id_type> tokens(ids.begin(), ids.end() - 1);
  std::vector<id_type> targets(ids.begin() + 1, ids.end());
  targets[3] = no_target;
  batch<B> data;
  data.assign(tokens, targets, sequences, s.vocab);
  tape<B> t;
  context<B> ctx;
  ctx.tape = &t;
  ctx.training = true;
  ctx.random = random_stream(11);
  const losses<B> l = model.loss(ctx, data);
  result r;
  r.loss = l.total.value().item();
  r.balance = l.balance.value().item();
  t.backward(l.total);
  model.each_parameter([&](parameter<B>& p) {
    const auto g = p.gradient().to_host();
    r.names.push_back(p.name());
    r.gradients.emplace_back(g.begin(), g.end());
  });
  return r;
}

/// Largest difference, relative to the parameter's largest entry.
double difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0, largest = 1e-6;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i]));
    worst = std::max(worst, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return worst / largest;
}

// More tokens than fit into a piece of a sum or a strip of attention, and sizes that are no multiples of anything.
const sizes uneven{.vocab = 37,
                   .positions = 90,
                   .d_model = 20,
                   .layers = 3,
                   .heads = 2,
                   .d_ff = 27,
                   .experts = 5,
                   .balance_alpha = 0.1,
                   .dropout = 0.1};

}  // namespace

TEST_CASE_TEMPLATE("backend/thrust: losses and gradients of whole models agree with Eigen", Card, gmoe_card,
                   switch_card, gshard_card) {
  const result expected = losses_and_gradients<Card, cpu<double>>(uneven, 3, 83);
  const result actual = losses_and_gradients<Card, thrust_backend<double>>(uneven, 3, 83);
  CHECK(expected.loss > 3);
  CHECK(actual.loss == doctest::Approx(expected.loss).epsilon(1e-13));
  CHECK(actual.balance == doctest::Approx(expected.balance).epsilon(1e-13));
  REQUIRE(actual.names == expected.names);
  for (std::size_t i = 0; i < actual.names.size(); ++i) {
    CAPTURE(actual.names[i]);
    CHECK(difference(actual.gradients[i], expected.gradients[i]) < 1e-12);
  }
}

TEST_CASE("backend/thrust: training goes the same way as on Eigen") {
  const auto text = some_text(2000, 37);
  sizes s = uneven;
  s.dropout = 0;
  const recipe how{.steps = 20, .batch = 4, .sequence = 32, .learning_rate = 3e-3};
  language_model<gmoe_card, cpu<float>> first(s);
  language_model<gmoe_card, thrust_backend<float>> second(s);
  trainer train_first(first, std::span<const id_type>(text), how);
  trainer train_second(second, std::span<const id_type>(text), how);
  double start = 0, end = 0;
  for (int step = 0; step < 20; ++step) {
    CAPTURE(step);
    const step_report a = train_first.step(), b = train_second.step();
    CHECK(b.loss == doctest::Approx(a.loss).epsilon(1e-4));
    CHECK(b.gradient_norm == doctest::Approx(a.gradient_norm).epsilon(1e-3));
    (step == 0 ? start : end) = b.language_loss;
  }
  CHECK(end < start - 0.1);
}

TEST_CASE("backend/thrust: a training step in its steady state takes no memory from the device") {
  using B = thrust_backend<float>;
  const auto text = some_text(2000, 37);
  language_model<gmoe_card, B> model(uneven);
  trainer train(model, std::span<const id_type>(text), recipe{.steps = 40, .batch = 2, .sequence = 40});
  for (int step = 0; step < 20; ++step) train.step();
  const auto before = pool<B::memory>::instance().statistics();
  for (int step = 0; step < 10; ++step) train.step();
  const auto after = pool<B::memory>::instance().statistics();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.in_use == before.in_use);
}

TEST_CASE("backend/thrust: reading token by token agrees with reading at once") {
  using B = thrust_backend<double>;
  language_model<gmoe_card, B> model(uneven);
  const auto ids = some_text(80, 37);
  const auto read = [&](context<B>& ctx, std::span<const id_type> part) {
    batch<B> data;
    data.assign(part, {}, 1, 37);
    language_model<gmoe_card, B>::read(ctx, data);
    return model.logits(ctx, model.hidden(ctx)).value().to_host();
  };
  context<B> at_once;
  const auto expected = read(at_once, ids);
  kv_cache<B> cache;
  for (index_t b = 0; b < uneven.layers; ++b) {
    cache.keys.push_back(matrix<B>::filled(uneven.positions, uneven.d_model, 0));
    cache.values.push_back(matrix<B>::filled(uneven.positions, uneven.d_model, 0));
  }
  context<B> ctx;
  ctx.cache = &cache;
  std::vector<double> logits = read(ctx, std::span(ids).first(70));
  for (std::size_t i = 70; i < 80; ++i) {
    const auto more = read(ctx, std::span(ids).subspan(i, 1));
    logits.insert(logits.end(), more.begin(), more.end());
  }
  CHECK(difference(logits, expected) < 1e-12);
}

#if GMOE_ON_CUDA
TEST_CASE("backend/thrust: errors of the GPU name the call and the sizes") {
  using B = thrust_backend<float>;
  CHECK_THROWS_WITH_AS(matrix<B>(index_t{1} << 24, index_t{1} << 24),
                       doctest::Contains("could not allocate 1125899906842624 bytes"), backend_error);
  CHECK_THROWS_WITH_AS(B::download(nullptr, nullptr, 4), doctest::Contains("cudaMemcpyAsync"), backend_error);
  const auto still_fine = matrix<B>::filled(2, 2, 3);
  CHECK(still_fine.to_host() == std::vector<float>{3, 3, 3, 3});
}
#endif
