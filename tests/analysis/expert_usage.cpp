#include "gmoe/analysis/expert_usage.hpp"

#include <doctest/doctest.h>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/moe/form/in_series.hpp"
#include "moe/pool_views.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;

namespace {

using usage_backend = cpu<double>;
using counts = std::vector<std::int64_t>;

findings<usage_backend> pass_of(const std::vector<id_type>& chosen, index_t rows, index_t experts,
                                std::optional<std::vector<id_type>> of_rows = {}) {
  findings<usage_backend> pass;
  auto& r =
      pass.routings.emplace_back(gmoe_test::routing_of<usage_backend>(gmoe_test::table(rows, experts, 1), chosen));
  r.block = 3;
  r.layer = 1;
  std::vector<id_type> ids;
  for (index_t e = 0; e < experts; ++e) ids.push_back(static_cast<id_type>(e));
  r.pool = gmoe_test::pool_of(ids, std::vector<index_t>(ids.size(), 4));
  if (of_rows) r.rows = id_matrix<usage_backend>::from_host(*of_rows, 1, rows);
  return pass;
}

}  // namespace

TEST_CASE("analysis/expert_usage: who is asked, by one token, and by neighbours of a sequence") {
  std::vector<layer_usage> usage;
  // Two sequences of two tokens, three experts.
  add_usage(usage, pass_of({0, 1, 2, 0, 1, no_choice, no_choice, no_choice}, 4, 3), 2);
  REQUIRE(usage.size() == 1);
  CHECK(usage[0].number == 1);
  CHECK(usage[0].block == 3);
  CHECK(usage[0].asked == counts{2, 2, 1});
  CHECK(usage[0].together == counts{0, 1, 1, 1, 0, 0, 1, 0, 0});
  // From {0, 1} to {2, 0}: 0-2, 1-2, 1-0. Nothing from one sequence to the next.
  CHECK(usage[0].in_turn == counts{0, 1, 1, 1, 0, 1, 1, 1, 0});
  // More passes add up.
  add_usage(usage, pass_of({0, 1, 2, 0, 1, no_choice, no_choice, no_choice}, 4, 3), 2);
  CHECK(usage[0].asked == counts{4, 4, 2});
}

TEST_CASE("analysis/expert_usage: one expert per token, parts of tokens, some rows") {
  std::vector<layer_usage> one, parts, some;
  add_usage(one, pass_of({0, 1, 1, 2}, 4, 3), 4);
  CHECK(one[0].together == counts(9));
  CHECK(one[0].in_turn == counts{0, 1, 0, 1, 0, 1, 0, 1, 0});
  // Two parts of each of two tokens: the neighbour of a part is that part of the next token.
  findings<usage_backend> halves = pass_of({0, 1, 2, 2}, 4, 3);
  halves.routings.front().rows_per_token = 2;
  add_usage(parts, halves, 2);
  CHECK(parts[0].in_turn == counts{0, 0, 1, 0, 0, 1, 1, 1, 0});
  // Tokens 2, 0 and 3 of four: 2 and 3 are neighbours.
  add_usage(some, pass_of({0, 1, 2}, 3, 3, std::vector<id_type>{2, 0, 3}), 4);
  CHECK(some[0].asked == counts{1, 1, 1});
  CHECK(some[0].in_turn == counts{0, 0, 1, 0, 0, 0, 1, 0, 0});
}

TEST_CASE("analysis/expert_usage: every token of a text once, all mixtures, padding left out") {
  sizes s{.vocab = 16, .positions = 8, .d_model = 8, .layers = 2, .heads = 2, .d_ff = 8, .experts = 3};
  std::vector<std::uint8_t> text(30);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::uint8_t>(i * i % 13);
  language_model<smoe_card, usage_backend> model(s);
  const auto usage = record_usage(model, std::span<const std::uint8_t>(text), 4, 3);
  REQUIRE(usage.size() == 2);
  for (const layer_usage& l : usage) {
    CHECK(l.asked[0] + l.asked[1] + l.asked[2] == 2 * 29);
    CHECK(l.together[1] + l.together[2] + l.together[5] == 29);
    CHECK(l.pool->ids.front() == 3 * l.number);
    CHECK(l.mixture.empty());
  }
  const auto less = record_usage(model, std::span<const std::uint8_t>(text), 4, 3, 1);
  CHECK(less[0].asked[0] + less[0].asked[1] + less[0].asked[2] == 2 * 12);

  language_model<dense_card, usage_backend> without(s);
  CHECK(record_usage(without, std::span<const std::uint8_t>(text), 4, 3).empty());
}
