#include "gmoe/model/log_likelihood.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "moe_checks.hpp"

namespace {

using B = gmoe_test::model_backend;
using ids = std::vector<gmoe::id_type>;
using model_type = gmoe::any_model<B>;
using gmoe::continuation;

std::unique_ptr<model_type> random_switch() {
  auto m = gmoe_test::small_model("switch");
  gmoe_test::randomise(*m);
  return m;
}

/// log p(tokens | context) by a pass of its own for every token, from raw logits.
double one_by_one(const model_type& m, ids context, const ids& tokens) {
  double sum = 0;
  for (const gmoe::id_type next : tokens) {
    gmoe::batch<B> data;
    data.assign(context, {}, 1, m.shape().vocab);
    const auto ctx = model_type::reading({}, data);
    const auto logits = m.logits(ctx, m.hidden(ctx)).value().to_host();
    const std::vector<double> last(logits.end() - m.shape().vocab, logits.end());
    double total = 0;
    for (const double z : last) total += std::exp(z);
    sum += last[static_cast<std::size_t>(next)] - std::log(total);
    context.push_back(next);
  }
  return sum;
}

/// Of lengths from 2 to beyond the 7 positions, in no order.
const std::vector<continuation> pairs{
    {{1, 2, 3}, {4, 5}},  {{9}, {0}},       {{1, 2, 3, 4}, {5, 6, 7, 8}}, {{3}, {3, 3, 3}},
    {{10, 0, 1, 2}, {7}}, {{1, 2}, {4, 5}}, {{8}, {1, 2, 3, 4, 5, 6, 7}}};

void check(const std::vector<gmoe::log_likelihood>& got, const model_type& m, const std::vector<continuation>& of) {
  REQUIRE(got.size() == of.size());
  for (std::size_t i = 0; i < of.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(got[i].sum - one_by_one(m, of[i].context, of[i].tokens)) < 1e-11);
    CHECK(got[i].tokens == std::ssize(of[i].tokens));
    CHECK(got[i].forgotten == 0);
  }
}

}  // namespace

TEST_CASE("model/log_likelihood: what a loop over tokens and raw logits gives, in batches of any size") {
  const auto model = random_switch();
  const model_type& m = *model;
  for (const gmoe::index_t batch : {1, 2, 3, 100})
    check(gmoe::log_likelihoods(m, std::span(pairs), {.batch = batch}), m, pairs);
  CHECK(gmoe::log_likelihoods(m, std::span(pairs).first(0)).empty());
}

TEST_CASE("model/log_likelihood: more rows than logits are made of at once") {
  const auto model = random_switch();
  const model_type& m = *model;
  const std::vector<continuation> many(100, {{8}, {1, 2, 3, 4, 5, 6, 7}});
  const auto got = gmoe::log_likelihoods(m, std::span(many), {.batch = 100});  // 700 rows
  const double expected = one_by_one(m, many[0].context, many[0].tokens);
  for (const auto& g : got) CHECK(std::abs(g.sum - expected) < 1e-11);
}

TEST_CASE("model/log_likelihood: all continuations of a context have the probability 1 together") {
  const auto model = random_switch();
  const model_type& m = *model;
  std::vector<continuation> all;
  for (gmoe::id_type a = 0; a < m.shape().vocab; ++a)
    for (gmoe::id_type b = 0; b < m.shape().vocab; ++b) all.push_back({{5, 1}, {a, b}});
  double total = 0;
  for (const auto& l : gmoe::log_likelihoods(m, std::span(all))) total += std::exp(l.sum);
  CHECK(std::abs(total - 1) < 1e-12);
}

TEST_CASE("model/log_likelihood: a context is cut from its start to what there is room for") {
  const auto model = random_switch();
  const model_type& m = *model;
  const std::vector<continuation> given{
      {{1, 2, 3, 4, 5, 6}, {7, 8, 9}}, {{4, 4}, {1, 2}}, {{0, 1, 2, 3, 4, 5, 6, 7, 8}, {9}}};
  const auto whole = gmoe::log_likelihoods(m, std::span(given));
  CHECK(std::abs(whole[0].sum - one_by_one(m, {2, 3, 4, 5, 6}, {7, 8, 9})) < 1e-11);
  CHECK(whole[0].forgotten == 1);
  CHECK(whole[1].forgotten == 0);
  CHECK(std::abs(whole[2].sum - one_by_one(m, {2, 3, 4, 5, 6, 7, 8}, {9})) < 1e-11);
  CHECK(whole[2].forgotten == 2);
  const auto few = gmoe::log_likelihoods(m, std::span(given), {.positions = 3});
  CHECK(std::abs(few[0].sum - one_by_one(m, {6}, {7, 8, 9})) < 1e-11);
  CHECK(few[0].forgotten == 5);
  CHECK(std::abs(few[1].sum - one_by_one(m, {4, 4}, {1, 2})) < 1e-11);
}

TEST_CASE("model/log_likelihood: what has no likelihood is refused") {
  const auto model = random_switch();
  model_type& m = *model;
  const auto refused = [&](std::vector<continuation> of, const char* message) {
    CHECK_THROWS_WITH_AS(gmoe::log_likelihoods(m, std::span<const continuation>(of)), message, gmoe::data_error);
  };
  refused({{{1}, {1}}, {{}, {1}}},
          "pair 1: a context of 0 and a continuation of 1 tokens, expected at least 1 of both");
  refused({{{1, 2}, {}}}, "pair 0: a context of 2 and a continuation of 0 tokens, expected at least 1 of both");
  refused({{{1}, {1, 2, 3, 4, 5, 6, 7, 8}}},
          "pair 0: a continuation of 8 tokens, expected at most the 7 positions in use");
  refused({{{1}, {11}}}, "target id 11 at position 0 is outside the vocabulary of 11");
  refused({{{-2}, {1}}}, "token id -2 at position 0 is outside the vocabulary of 11");
  CHECK_THROWS_WITH_AS(gmoe::log_likelihoods(m, std::span(pairs), {.positions = 8}),
                       "log_likelihoods: positions is 8, expected 1 to the model's 7, or 0 for all of them",
                       gmoe::config_error);
  CHECK_THROWS_WITH_AS(gmoe::log_likelihoods(m, std::span(pairs), {.batch = 0}),
                       "log_likelihoods: batch is 0, expected at least 1", gmoe::config_error);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  B::upload(gmoe_test::named(m, "ln_f.weight").value().data(), &nan, sizeof nan);
  CHECK_THROWS_WITH_AS(gmoe::log_likelihoods(m, std::span(pairs)), "pair 2: its log-likelihood is not finite",
                       gmoe::numeric_error);
}
