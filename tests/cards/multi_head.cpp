// Parts of tokens that are routed by themselves, against their equations.
#include "cards/multi_head.hpp"
#include "cards/check.hpp"
#include "gmoe/analysis/expert_work.hpp"
#include "gmoe/analysis/record.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/moe/form/multi_head.hpp"

using namespace gmoe_test;

TEST_CASE("cards/mh-moe: its equations, differences, reading, padding") {
  const card_case c{.card = "mh-moe"};
  const auto found = check_equations(c, multi_head_equations{});
  for (const auto& r : found.routings) {
    CHECK(r.rows_per_token == 2);
    CHECK(r.chosen.rows() == 2 * 2 * 5);
  }
  card_case small = c;
  small.shape.layers = 1;
  check_gradients(small);
  check_reading(c);
  check_padding(*model_of<model_backend>(c), true);

  multi_head_equations more;  // every number a part, and everybody for each
  more.heads = 8;
  more.k = 4;
  check_equations({.card = "mh-moe", .set = {{"form.heads", "8"}, {"select.k", "4"}}}, more);
  card_case alone{.card = "mh-moe", .set = {{"select.k", "1"}}};
  alone.shape.experts = 1;
  multi_head_equations one;
  one.experts = one.k = 1;
  check_equations(alone, one);

  CHECK(refusal({.card = "mh-moe", .set = {{"form.heads", "3"}}}) ==
        "multi_head: d_model = 8 cannot be cut into 3 heads");
  CHECK_THROWS_WITH_AS(card_of({.card = "mh-moe", .set = {{"form.heads", "0"}}}), "form.heads is 0, expected [1, 1024]",
                       gmoe::config_error);
}

TEST_CASE("cards/mh-moe: one head between identities is the usual mixture") {
  const card_case one{.card = "mh-moe", .set = {{"form.heads", "1"}}}, usual{.card = "smoe"};
  const auto a = model_of<model_backend>(one), b = model_of<model_backend>(usual);
  for (auto* p : a->parameters()) {
    if (p->name().find(".moe.form.") == std::string::npos) continue;
    std::vector<double> v(static_cast<std::size_t>(p->size()));
    if (p->rows() == 8)
      for (std::size_t i = 0; i < 8; ++i) v[9 * i] = 1;
    model_backend::upload(p->value().data(), v.data(), v.size() * sizeof(double));
  }
  const text t(2, 5, 11);
  CHECK(losses_of(*a, t, true).total.value().item() ==
        doctest::Approx(losses_of(*b, t, true).total.value().item()).epsilon(1e-12));
}

TEST_CASE("cards/mh-moe-v2: its equations, and what smoe costs") {
  const card_case c{.card = "mh-moe-v2"};
  check_equations(c, multi_head_equations_at_parity());
  card_case eight{.card = "mh-moe-v2", .set = {{"form.of.heads", "8"}, {"select.k", "1"}}};
  multi_head_equations e = multi_head_equations_at_parity();
  e.heads = 8;
  e.k = 1;
  e.width = 12 - 8;
  e.experts = 8 * (4 * 12 - 8) / 4;
  check_equations(eight, e);
  CHECK(refusal({.card = "mh-moe-v2", .set = {{"form.of.heads", "3"}}}) ==
        "multi_head: d_model = 8 cannot be cut into 3 heads");
  eight.shape.d_ff = 8;
  CHECK(refusal(eight) ==
        "multi_head: head and merge layer cost as much as d_model / k = 8 hidden units, which leaves none of d_ff = 8");

  // All but the router and the biases of head and merge layer is as much as without heads.
  gmoe::sizes s = small_sizes();
  s.d_model = 64;
  s.d_ff = 96;
  const auto plain = gmoe::make_card<GMOE_TEST_CARDS>("smoe").cost(s);
  const auto parts = gmoe::make_card<GMOE_TEST_CARDS>("mh-moe-v2").cost(s);
  const gmoe::sizes inside = gmoe::multi_head_sizes(s, 2, 2);
  CHECK(inside.d_ff == 64);
  CHECK(inside.experts == 10);
  CHECK(parts.experts + 3 * 2 * 64 * 64 == plain.experts);
  CHECK(parts.router == 3 * 10 * 32);
  CHECK(parts.total - parts.router - 3 * 2 * 64 == plain.total - plain.router);
  check_products(c, multi_head_equations_at_parity());
  check_products({.card = "mh-moe"}, multi_head_equations{});
  CHECK(parts.multiply_adds - 2 * parts.router == plain.multiply_adds - plain.router);
}

TEST_CASE("cards/mh-moe: figures are of tokens, not of their parts") {
  const auto model = model_of<model_backend>({.card = "mh-moe"});
  const auto found = losses_of(*model, text(2, 5, 11), false).found;
  // Two parts ask two experts of 12 units each, in three layers.
  CHECK(gmoe::measure_work(found).units_per_token == doctest::Approx(3 * 2 * 2 * 12));
  gmoe::routing_decisions decisions(5);
  gmoe::append_routing(decisions, *model, found, 9);
  REQUIRE(decisions.tokens() == 9);
  const auto& r = found.routings[1];
  const auto scores = r.scores.value().to_host();
  const auto kept = r.kept.to_host();
  CHECK(decisions.slots(1) == 4);
  for (index_t t = 0; t < 9; ++t) {
    std::vector<id_type> asked(kept.begin() + 4 * t, kept.begin() + 4 * (t + 1));
    std::sort(asked.begin(), asked.end());
    asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
    const auto row = decisions.ids(1, t);
    std::vector<id_type> ids(row.begin(), row.end());
    std::erase(ids, gmoe::no_choice);
    std::sort(ids.begin(), ids.end());
    CHECK(ids == asked);
    for (index_t e = 0; e < 4; ++e)
      CHECK(decisions.probabilities(1)[static_cast<std::size_t>(4 * t + e)] ==
            doctest::Approx(
                (scores[static_cast<std::size_t>(8 * t + e)] + scores[static_cast<std::size_t>(8 * t + 4 + e)]) / 2));
  }
  CHECK_THROWS_WITH_AS(gmoe::append_routing(decisions, *model, found, 11),
                       "append_routing: 11 tokens of a batch of 10 were asked for", gmoe::config_error);
}
