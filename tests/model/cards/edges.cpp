// The smallest and the most uneven models: where an off-by-one shows.
#include <doctest/doctest.h>

#include <string_view>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::named;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

void check_edge(std::string_view card, const sizes& s, const naive::variant& v, const text& t) {
  for (const bool training : {false, true}) {
    const auto model = gmoe_test::small_model(card, s);
    gmoe_test::randomise(*model, 3);
    gmoe_test::compare_with_naive(*model, v, t, training);
  }
}

naive::variant equations(bool of_gmoe) {
  naive::variant v;
  v.always = of_gmoe ? 12 : 0;
  if (of_gmoe) return v;
  v.one_pool = false;
  v.router = naive::router_kind::linear;
  v.k = 2;
  v.weigh = naive::weighting::normalised;
  v.room = naive::room::gshard_authors;
  v.mixture = {true, false, true};
  return v;
}

}  // namespace

TEST_CASE("model/cards: one expert") {
  sizes s = gmoe_test::small_sizes();
  s.experts = 1;
  naive::variant v = equations(true);
  v.experts = 1;
  check_edge("gmoe", s, v, text(2, 5, s.vocab));
}

TEST_CASE("model/cards: as many choices as experts") {
  sizes s = gmoe_test::small_sizes();
  s.experts = 2;
  naive::variant v = equations(false);
  v.experts = 2;
  check_edge("gshard", s, v, text(2, 5, s.vocab));
}

TEST_CASE("model/cards: more experts than tokens, so that some get none") {
  sizes s = gmoe_test::small_sizes();
  s.experts = 13;
  naive::variant v = equations(true);
  v.experts = 13;
  check_edge("gmoe", s, v, text(1, 4, s.vocab));
  v = equations(false);
  v.experts = 13;
  check_edge("gshard", s, v, text(1, 4, s.vocab));
}

TEST_CASE("model/cards: all tokens on one expert, and dropped beyond its room") {
  sizes s = gmoe_test::small_sizes();
  naive::variant v;
  v.one_pool = false;
  v.router = naive::router_kind::linear;
  v.room = naive::room::switch_;
  v.mixture = {true, false, true};
  const auto model = gmoe_test::small_model("switch", s);
  gmoe_test::randomise(*model);
  // A large bias of the norm before the router: W x is large for expert 2 and zero for the others, at every token.
  for (index_t layer : {0, 1}) {
    parameter<B>& gate = named(*model, concat("router.", layer, ".gate"));
    std::vector<double> rows(32, 0.0);
    for (std::size_t c = 0; c < 8; ++c) rows[2 * 8 + c] = 1.0;
    B::upload(gate.value().data(), rows.data(), rows.size() * sizeof(double));
    parameter<B>& bias = named(*model, concat("h.", 2 * layer, ".ln_2.bias"));
    const std::vector<double> large(8, 4.0);
    B::upload(bias.value().data(), large.data(), large.size() * sizeof(double));
  }
  const auto found = gmoe_test::compare_with_naive(*model, v, text(2, 5, s.vocab), true);
  REQUIRE(found.routings.size() == 2);
  for (const auto& r : found.routings) {
    CHECK(r.chosen.to_host() == std::vector<id_type>(10, 2));
    // Room for floor(0.75 * ceil(10 / 4)) = 2: the first two tokens.
    CHECK(r.pairs.offsets.to_host() == std::vector<id_type>{0, 0, 0, 2, 2});
  }
}

TEST_CASE("model/cards: equal scores go to the lower expert") {
  sizes s = gmoe_test::small_sizes();
  const auto model = make_model<B>("gshard", s);
  gmoe_test::randomise(*model);
  for (index_t layer : {0, 1}) B::fill(named(*model, concat("router.", layer, ".gate")).value().view(), 0.0);
  const auto found = gmoe_test::losses_of(*model, text(2, 5, s.vocab), false).found;
  REQUIRE(found.routings.size() == 2);
  for (const auto& r : found.routings) {
    const auto chosen = r.chosen.to_host();
    for (std::size_t i = 0; i < chosen.size(); ++i) CHECK(chosen[i] == static_cast<id_type>(i % 2));
  }
}

TEST_CASE("model/cards: sequences of one token, a batch of one, a vocabulary of one") {
  for (const bool of_gmoe : {true, false}) {
    sizes s = gmoe_test::small_sizes();
    const naive::variant v = equations(of_gmoe);
    const auto run = [&](const text& t) { check_edge(of_gmoe ? "gmoe" : "gshard", s, v, t); };
    run(text(3, 1, s.vocab));
    run(text(1, 7, s.vocab));
    run(text(1, 1, s.vocab));
    s.vocab = 1;
    run(text(2, 3, 1));
  }
}

TEST_CASE("model/cards: widths that fill no vector register, one hidden unit, one head, one block") {
  sizes s = gmoe_test::small_sizes();
  s.d_model = 3;
  s.heads = 1;
  s.d_ff = 1;
  s.layers = 1;
  naive::variant v = equations(true);
  v.width = v.always = 1;
  v.mixture = {true};
  check_edge("gmoe", s, v, text(2, 3, s.vocab));
}
