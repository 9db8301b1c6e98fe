#include "gmoe/analysis/expert_similarity.hpp"

#include <doctest/doctest.h>

#include "breadth/check.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/moe/form/in_series.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;

namespace {

using similarity_backend = gmoe_test::model_backend;

template <class Card>
auto similarities_of(const Card& card, index_t layer, auto&& change) {
  language_model<Card, similarity_backend> model(gmoe_test::small_sizes(), card);
  gmoe_test::randomise(model, 7);
  change(model);
  std::vector<std::uint8_t> text(30);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::uint8_t>(i * i % 11);
  const auto usage = record_usage(model, std::span<const std::uint8_t>(text), 5, 2);
  const auto parameters = model.parameters();
  return expert_similarity<similarity_backend>(parameters, usage, static_cast<std::size_t>(layer));
}

/// <W_e, W_f> as the sum over all entries of the maps that the experts would be without their activation.
double product(const std::vector<std::vector<double>>& in, const std::vector<std::vector<double>>& out,
               std::size_t first_e, std::size_t first_f, std::size_t units) {
  double sum = 0;
  for (std::size_t a = 0; a < in[0].size(); ++a)
    for (std::size_t b = 0; b < out[0].size(); ++b) {
      double e = 0, f = 0;
      for (std::size_t u = 0; u < units; ++u) {
        e += in[first_e + u][a] * out[first_e + u][b];
        f += in[first_f + u][a] * out[first_f + u][b];
      }
      sum += e * f;
    }
  return sum;
}
std::vector<std::vector<double>> rows_of(const parameter<similarity_backend>& p) {
  const auto v = p.value().to_host();
  std::vector<std::vector<double>> rows;
  for (index_t i = 0; i < p.rows(); ++i) rows.emplace_back(v.begin() + i * p.cols(), v.begin() + (i + 1) * p.cols());
  return rows;
}

}  // namespace

TEST_CASE("analysis/expert_similarity: cosines of the maps, in private pools and shared ones") {
  const auto check = [](auto card, index_t layer, std::size_t first_expert) {
    std::vector<std::vector<double>> in, out;
    const auto s = similarities_of(card, layer, [&](auto& model) {
      in = rows_of(gmoe_test::named(model, "experts.w_in"));
      out = rows_of(gmoe_test::named(model, "experts.w_out"));
    });
    const auto n = static_cast<std::size_t>(4), units = static_cast<std::size_t>(12);
    REQUIRE(s.size() == n * n);
    for (std::size_t e = 0; e < n; ++e)
      for (std::size_t f = 0; f < n; ++f) {
        const auto of = [&](std::size_t a, std::size_t b) {
          return product(in, out, (first_expert + a) * units, (first_expert + b) * units, units);
        };
        CHECK(s[e * n + f] == doctest::Approx(of(e, f) / std::sqrt(of(e, e) * of(f, f))).epsilon(1e-9));
      }
  };
  check(smoe_card{}, 1, 4);
  check(gmoe_card{}, 1, 0);
}

TEST_CASE("analysis/expert_similarity: the order of hidden units does not matter, and the sign of their outputs does") {
  const auto s = similarities_of(switch_card{}, 0, [](auto& model) {
    // Expert 1 is expert 0 with its units the other way round, expert 2 is the opposite of 0, expert 3 is nothing.
    for (const char* name : {"experts.w_in", "experts.w_out"}) {
      auto& p = gmoe_test::named(model, name);
      auto v = p.value().to_host();
      const std::size_t row = 8, units = 12;
      for (std::size_t u = 0; u < units; ++u)
        for (std::size_t c = 0; c < row; ++c) {
          v[(units + u) * row + c] = v[(units - 1 - u) * row + c];
          v[(2 * units + u) * row + c] = (std::string(name) == "experts.w_out" ? -1 : 1) * v[u * row + c];
          v[(3 * units + u) * row + c] = 0;
        }
      similarity_backend::upload(p.value().data(), v.data(), v.size() * sizeof(v[0]));
    }
  });
  CHECK(s[1] == doctest::Approx(1));
  CHECK(s[2] == doctest::Approx(-1));
  CHECK(s[3] == 0);
  CHECK(s[15] == 0);
}

TEST_CASE("analysis/expert_similarity: gated experts, experts of several widths, mixtures in a form") {
  const auto finite = [](const std::vector<double>& s, std::size_t n) {
    REQUIRE(s.size() == n * n);
    for (std::size_t e = 0; e < n; ++e) {
      CHECK(s[e * n + e] == doctest::Approx(1));
      for (std::size_t f = 0; f < n; ++f) {
        CHECK(s[e * n + f] == doctest::Approx(s[f * n + e]));
        CHECK(std::abs(s[e * n + f]) < 1 + 1e-12);
        if (e != f) CHECK(std::abs(s[e * n + f]) > 1e-6);
      }
    }
  };
  const auto unchanged = [](auto&) {};
  finite(similarities_of(with<smoe_card, swiglu_expert>{}, 0, unchanged), 4);
  finite(similarities_of(hmoe_card{}, 2, unchanged), 4);
  struct two {
    in_series<switch_card, gmoe_card> form{};
    every_block placement{};
    gpt2_feed_forward dense{};
  };
  finite(similarities_of(two{}, 0, unchanged), 4);
  finite(similarities_of(two{}, 1, unchanged), 4);
}
