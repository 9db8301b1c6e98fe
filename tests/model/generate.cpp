#include "gmoe/model/generate.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "backends.hpp"
#include "gmoe/data/continue_text.hpp"
#include "gmoe/model/any_model.hpp"

namespace {

using B = GMOE_TEST_BACKEND<double>;
using ids = std::vector<gmoe::id_type>;
const gmoe::sizes byte_sizes{.vocab = 256,
                             .positions = 12,
                             .d_model = 16,
                             .layers = 3,
                             .heads = 2,
                             .d_ff = 24,
                             .experts = 4,
                             .initializer_range = 0.3};

/// Logits after the last of `tokens`, by one forward pass over all of them.
std::vector<double> logits_at_once(const gmoe::any_model<B>& m, const ids& tokens) {
  gmoe::batch<B> data;
  data.assign(tokens, {}, 1, m.shape().vocab);
  const gmoe::context<B> ctx = gmoe::any_model<B>::reading({}, data);
  const auto all = m.logits(ctx, m.hidden(ctx)).value().to_host();
  return {all.end() - m.shape().vocab, all.end()};
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace

TEST_CASE("model/generate: token by token with the cache equals one pass over all tokens") {
  const auto model = gmoe::make_model<B>("gmoe", byte_sizes, 5);
  gmoe::any_model<B>& m = *model;
  gmoe::generator reader(m);
  ids so_far;
  for (gmoe::id_type t : {3, 99, 200, 3, 17, 42, 42, 0, 255, 7}) {
    so_far.push_back(t);
    CHECK(distance(reader.read(std::span(so_far).last(1)), logits_at_once(m, so_far)) < 1e-12);
  }
  // A prompt in one piece, then the rest in two.
  gmoe::generator pieces(m);
  pieces.read(std::span(so_far).first(4));
  pieces.read(std::span(so_far).subspan(4, 5));
  CHECK(distance(pieces.read(std::span(so_far).last(1)), logits_at_once(m, so_far)) < 1e-12);
}

TEST_CASE("model/generate: beyond the positions the older half is forgotten") {
  const auto model = gmoe::make_model<B>("switch", byte_sizes, 5);
  gmoe::any_model<B>& m = *model;
  gmoe::generator reader(m);
  ids all;
  for (gmoe::id_type t = 0; t < 30; ++t) all.push_back(t * 7 % 256);
  const auto got = reader.read(all);
  // 12 positions: after 12 tokens 6 are kept; 18 tokens: again; 24: again; so the last pass sees tokens 18 to 29.
  CHECK(reader.length() == 12);
  CHECK(distance(got, logits_at_once(m, ids(all.end() - 12, all.end()))) < 1e-12);
}

TEST_CASE("model/generate: a context of fewer positions than the model has") {
  const auto model = gmoe::make_model<B>("switch", byte_sizes, 5);
  gmoe::any_model<B>& m = *model;
  gmoe::generator reader(m, 8);
  ids all;
  for (gmoe::id_type t = 0; t < 20; ++t) all.push_back(t * 7 % 256);
  const auto got = reader.read(all);
  // After 8, 12 and 16 tokens 4 are kept, so the last pass sees tokens 12 to 19.
  CHECK(reader.length() == 8);
  CHECK(distance(got, logits_at_once(m, ids(all.end() - 8, all.end()))) < 1e-12);
  CHECK_THROWS_WITH_AS(gmoe::generator(m, 13),
                       "generator: context is 13, expected 1 to the model's 12 positions, or 0 for all of them",
                       gmoe::config_error);
  const ids prompt{1, 2, 3};
  CHECK(gmoe::generate(m, std::span(prompt), {.tokens = 30, .context = 8}) !=
        gmoe::generate(m, std::span(prompt), {.tokens = 30}));
}

TEST_CASE("model/generate: tokens that are refused leave no trace") {
  const auto model = gmoe::make_model<B>("switch", byte_sizes, 5);
  gmoe::any_model<B>& m = *model;
  const ids first{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, wrong{300}, rest{12, 13, 14};
  gmoe::generator clean(m), reader(m);
  clean.read(first);
  reader.read(first);
  CHECK_THROWS_AS(reader.read(wrong), gmoe::data_error);
  CHECK(reader.read(rest) == clean.read(rest));  // beyond the positions: the older half of the right tokens is kept
}

TEST_CASE("model/generate: what is not a number cannot be sampled, at no temperature") {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double temperature : {0.0, 0.8})
    for (const auto& logits : {std::vector<double>{nan, 1, 2}, {1, 2, nan}, {1, inf, 2}, {-inf, -nan, 0}})
      CHECK_THROWS_AS(gmoe::sample_token(std::span(logits), {.temperature = temperature}, gmoe::random_stream(1), 0),
                      gmoe::numeric_error);
  const std::vector<double> masked{-inf, 1, -inf};
  for (const double temperature : {0.0, 0.8})
    CHECK(gmoe::sample_token(std::span(masked), {.temperature = temperature}, gmoe::random_stream(1), 0) == 1);
}

TEST_CASE("model/generate: sampling follows temperature, top_k and the seed") {
  const std::vector<double> logits{0.0, 2.0, 1.0, 2.0};
  const gmoe::random_stream random(1);
  const auto draw = [&](gmoe::sampling how, std::uint64_t n) {
    return gmoe::sample_token(std::span(logits), how, random, n);
  };
  CHECK(draw({.temperature = 0}, 0) == 1);  // a tie goes to the lower id
  std::vector<int> seen(4);
  for (std::uint64_t n = 0; n < 4000; ++n) ++seen[draw({.temperature = 1, .top_k = 3}, n)];
  CHECK(seen[0] == 0);
  const double z = 2 * std::exp(2.0) + std::exp(1.0);
  CHECK(seen[2] / 4000.0 == doctest::Approx(std::exp(1.0) / z).epsilon(0.1));
  CHECK(seen[1] / 4000.0 == doctest::Approx(std::exp(2.0) / z).epsilon(0.1));
  for (std::uint64_t n = 0; n < 50; ++n) CHECK(draw({.temperature = 1, .top_k = 1}, n) == 1);
  for (std::uint64_t n = 0; n < 50; ++n) CHECK(draw({.temperature = 0.01, .top_k = 0}, n) % 2 == 1);
  CHECK_THROWS_AS(draw({.temperature = -1}, 0), gmoe::config_error);
  CHECK_THROWS_AS(gmoe::sample_token(std::span<const double>(), {}, random, 0), gmoe::config_error);

  const auto model = gmoe::make_model<B>("dense", byte_sizes, 5);
  gmoe::any_model<B>& m = *model;
  const ids prompt{1, 2, 3};
  const auto a = gmoe::generate(m, std::span(prompt), {.tokens = 20, .seed = 4});
  CHECK(a.size() == 20);
  CHECK(a == gmoe::generate(m, std::span(prompt), {.tokens = 20, .seed = 4}));
  CHECK(a != gmoe::generate(m, std::span(prompt), {.tokens = 20, .seed = 5}));
  CHECK_THROWS_AS(gmoe::generate(m, std::span(prompt).first(0), {}), gmoe::data_error);
  const ids wrong{300};
  CHECK_THROWS_AS(gmoe::generate(m, std::span(wrong), {}), gmoe::data_error);
}

TEST_CASE("data/continue_text: the prompt comes first, an empty one is refused") {
  const auto model = gmoe::make_model<B>("dense", byte_sizes, 5);
  gmoe::any_model<B>& m = *model;
  const std::string text = gmoe::continue_text(m, "Hello", {.tokens = 6});
  CHECK(text.starts_with("Hello"));
  CHECK(text.size() == 11);
  CHECK_THROWS_AS(gmoe::continue_text(m, ""), gmoe::data_error);
}
