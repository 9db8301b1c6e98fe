// The Thrust backend against Eigen's, on whole models. Each operation by itself is compared with plain loops by the
// other files of this folder, which are compiled for Thrust as well.
#include "gmoe/backend/thrust.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "thrust/whole_models.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

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

}  // namespace

#if !defined(GMOE_TEST_WHOLE_CARDS)
#define GMOE_TEST_WHOLE_CARDS gmoe_card, switch_card, gshard_card
#endif

TEST_CASE_TEMPLATE("backend/thrust: losses and gradients of whole models agree with Eigen", Card,
                   GMOE_TEST_WHOLE_CARDS) {
  const result expected = on_eigen<Card>();
  const result actual = losses_and_gradients<Card, thrust_backend<double>>();
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
  const std::vector<step_report> expected = training_on_eigen(), actual = train_gmoe<thrust_backend<float>>();
  for (std::size_t step = 0; step < expected.size(); ++step) {
    CAPTURE(step);
    CHECK(actual[step].loss == doctest::Approx(expected[step].loss).epsilon(1e-4));
    CHECK(actual[step].gradient_norm == doctest::Approx(expected[step].gradient_norm).epsilon(1e-3));
  }
  CHECK(actual.back().language_loss < actual.front().language_loss - 0.1);
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
  const auto read = [&](const context<B>& ctx, std::span<const id_type> part) {
    batch<B> data;
    data.assign(part, {}, 1, 37);
    return model.logits(ctx, model.hidden(language_model<gmoe_card, B>::reading(ctx, data))).value().to_host();
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
