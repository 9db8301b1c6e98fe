// What must come out equal, or exactly so, whatever the weights are.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::named;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

void write(parameter<B>& p, const std::vector<double>& values) {
  REQUIRE(static_cast<index_t>(values.size()) == p.size());
  B::upload(p.value().data(), values.data(), values.size() * sizeof(double));
}

template <class Model>
double total(const Model& model, const text& t, bool training = false) {
  return gmoe_test::losses_of(model, t, training).total.value().item();
}
template <class Model>
double language(const Model& model, const text& t, bool training = false) {
  return gmoe_test::losses_of(model, t, training).language.value().item();
}

/// `order[i]` says which of the old rows (or columns) becomes number i.
std::vector<double> permuted_rows(const parameter<B>& p, const std::vector<index_t>& order) {
  const auto old = p.value().to_host();
  const std::size_t block = old.size() / order.size();
  std::vector<double> v;
  for (index_t i : order)
    v.insert(v.end(), old.begin() + i * static_cast<index_t>(block),
             old.begin() + (i + 1) * static_cast<index_t>(block));
  return v;
}
std::vector<double> permuted_cols(const parameter<B>& p, const std::vector<index_t>& order) {
  const auto old = p.value().to_host();
  std::vector<double> v;
  for (index_t r = 0; r < p.rows(); ++r)
    for (index_t i : order) v.push_back(old[static_cast<std::size_t>(r * p.cols() + i)]);
  return v;
}

const text sample(2, 5, 11);

/// Its experts have weight 1; no card with a name is like that and has a router to choose them.
using unweighted_card = with<gmoe_fine_grained_card, unit_weight, no_balance>;
language_model<unweighted_card, B> unweighted_model(const sizes& s, index_t k, index_t parts) {
  language_model<unweighted_card, B> model(
      s, card<unweighted_card>(top_k{.k = k}, fine_grained<global_pool>{.granularity = parts}));
  gmoe_test::randomise(model);
  return model;
}

std::unique_ptr<any_model<B>> random_model(std::string_view name, const sizes& s = gmoe_test::small_sizes(),
                                           const gmoe_test::numbers& set = {}) {
  auto model = gmoe_test::small_model(name, s, set);
  gmoe_test::randomise(*model);
  return model;
}

}  // namespace

TEST_CASE("model/cards: identities, one expert has weight 1 and nothing to learn in the router") {
  sizes s = gmoe_test::small_sizes();
  s.experts = 1;
  const auto model = random_model("gmoe", s);
  tape<B> tape;
  const auto l = gmoe_test::losses_of(*model, sample, false, &tape);
  CHECK(l.balance.value().item() == doctest::Approx(0.3).epsilon(1e-14));
  tape.backward(l.total);
  for (parameter<B>* p : model->parameters())
    if (p->name().starts_with("router."))
      for (double g : p->gradient().to_host()) CHECK(std::abs(g) < 1e-15);

  // y = E_local + E_1: the same as with the weight left out.
  CHECK(total(unweighted_model(s, 1, 1), sample) == doctest::Approx(l.language.value().item()).epsilon(1e-14));
}

TEST_CASE("model/cards: identities, a head of zeros spreads evenly and picks expert 0") {
  const auto model = random_model("gmoe");
  for (index_t l = 0; l < 3; ++l) B::fill(named(*model, concat("router.", l, ".gate_head")).value().view(), 0.0);
  const auto losses = gmoe_test::losses_of(*model, sample, false);
  CHECK(losses.balance.value().item() == doctest::Approx(0.3).epsilon(1e-14));
  REQUIRE(losses.found.routings.size() == 3);
  for (const auto& r : losses.found.routings) {
    for (id_type e : r.chosen.to_host()) CHECK(e == 0);
    for (double p : r.scores.value().to_host()) CHECK(p == 0.25);
  }
}

TEST_CASE("model/cards: identities, GMoE without sharing, recurrence and propagation is Switch with a shared expert") {
  sizes s = gmoe_test::small_sizes();
  s.layers = 5;                  // three mixtures
  s.layer_norm_epsilon = 1e-14;  // so that the norm of a norm is itself
  auto stripped = gmoe_test::small_model<with<gmoe_every_second_card, global_router<>, layer_pool>>(s);
  gmoe_test::randomise(stripped);
  const auto shared = random_model("switch-se", s, {{"capacity.factor", "4"}});  // room for every token
  const auto plain = [](parameter<B>& gain, parameter<B>& bias) {
    B::fill(gain.value().view(), 1.0);
    B::fill(bias.value().view(), 0.0);
  };
  for (index_t l = 0; l < 3; ++l) {
    const std::string norm = concat("h.", 2 * l, ".ln_2."), router = concat("router.", l, ".");
    plain(named(stripped, norm + "weight"), named(stripped, norm + "bias"));
    plain(named(*shared, norm + "weight"), named(*shared, norm + "bias"));
    plain(named(stripped, router + "h_ln.weight"), named(stripped, router + "h_ln.bias"));
    write(named(*shared, router + "gate"), named(stripped, router + "gate_head").value().to_host());
  }
  CHECK(total(stripped, sample, true) == doctest::Approx(total(*shared, sample, true)).epsilon(1e-12));
}

TEST_CASE("model/cards: identities, the order of the pool's experts does not matter") {
  const std::vector<index_t> order{2, 0, 3, 1};
  const auto model = random_model("gmoe");
  const auto before = gmoe_test::losses_of(*model, sample, false);
  const auto permute_rows = [&](parameter<B>& p) { write(p, permuted_rows(p, order)); };
  const auto permute_cols = [&](parameter<B>& p) { write(p, permuted_cols(p, order)); };
  permute_rows(named(*model, "experts.w_in"));
  permute_rows(named(*model, "experts.w_out"));
  for (index_t l = 0; l < 3; ++l) {
    const std::string router = concat("router.", l, ".");
    permute_rows(named(*model, router + "gate_head"));
    permute_cols(named(*model, router + "prev_score_proj"));
    permute_cols(named(*model, router + "prev_score_ln.weight"));
    permute_cols(named(*model, router + "prev_score_ln.bias"));
  }
  const auto after = gmoe_test::losses_of(*model, sample, false);
  CHECK(after.total.value().item() == doctest::Approx(before.total.value().item()).epsilon(1e-13));
  for (std::size_t l = 0; l < 3; ++l) {
    const auto old = before.found.routings[l].chosen.to_host(), now = after.found.routings[l].chosen.to_host();
    for (std::size_t i = 0; i < now.size(); ++i)
      CHECK(order[static_cast<std::size_t>(now[i])] == static_cast<index_t>(old[i]));
  }
}

TEST_CASE("model/cards: identities, in a single layer propagation adds a learned constant") {
  sizes s = gmoe_test::small_sizes();
  s.layers = 1;
  const auto model = random_model("gmoe", s), without = random_model("gmoe-no-logits", s);
  const auto head = named(*model, "router.0.gate_head").value().to_host();  // 4 x 16
  std::vector<double> left;
  for (std::size_t e = 0; e < 4; ++e) left.insert(left.end(), head.begin() + 16 * e, head.begin() + 16 * e + 8);
  write(named(*without, "router.0.gate_head"), left);
  const auto logits = [](const any_model<B>& m) {
    return gmoe_test::losses_of(m, sample, false).found.routings[0].logits.value().to_host();
  };
  const auto z = logits(*model), z0 = logits(*without);
  const auto projection = named(*model, "router.0.prev_score_proj").value().to_host();  // 8 x 4
  const auto beta = named(*model, "router.0.prev_score_ln.bias").value().to_host();
  for (std::size_t e = 0; e < 4; ++e) {
    double constant = 0;
    for (std::size_t c = 0; c < 8; ++c)
      for (std::size_t j = 0; j < 4; ++j) constant += head[16 * e + 8 + c] * projection[4 * c + j] * beta[j];
    for (std::size_t t = 0; t < 10; ++t)
      CHECK(z[4 * t + e] - z0[4 * t + e] == doctest::Approx(constant).epsilon(1e-12));
  }
  // And it does not matter whether the pool is shared.
  CHECK(total(*random_model("gmoe-no-global", s), sample) == total(*model, sample));
}

TEST_CASE("model/cards: identities, parts of one are the whole, and joint is separate in one layer") {
  sizes s = gmoe_test::small_sizes();
  const auto whole = random_model("gmoe-fine-grained", s, {{"experts.granularity", "1"}});
  CHECK(total(*whole, sample) == total(*random_model("gmoe", s), sample));
  s.layers = 1;
  auto joint = gmoe_test::small_model<with<gmoe_card, joint_switch_loss>>(s);
  gmoe_test::randomise(joint);
  CHECK(total(joint, sample) == doctest::Approx(total(*random_model("gmoe", s), sample)).epsilon(1e-14));
}

TEST_CASE("model/cards: identities, splitting an expert in parts that are all active changes only the weights") {
  // Experts of width m in g parts: with all parts chosen and weight 1 the sum is that of the whole experts.
  const sizes s = gmoe_test::small_sizes();
  const auto whole = unweighted_model(s, 4, 1), parts = unweighted_model(s, 4, 3);
  CHECK(total(parts, sample) == doctest::Approx(total(whole, sample)).epsilon(1e-13));
}

TEST_CASE("model/cards: identities, with enough room training drops nothing") {
  const auto model = random_model("switch", gmoe_test::small_sizes(), {{"capacity.factor", "4"}});
  const auto trained = gmoe_test::losses_of(*model, sample, true);
  CHECK(trained.total.value().item() == total(*model, sample, false));
  CHECK(gmoe_test::dropped(trained.found) == 0);
}

TEST_CASE("model/cards: identities, dropping everything leaves the residual stream") {
  const auto make = [] {
    return random_model("switch", gmoe_test::small_sizes(), {{"capacity.factor", "0.01"}});  // room for none
  };
  const auto model = make(), without = make();
  B::fill(named(*without, "experts.w_out").value().view(), 0.0);
  const auto trained = gmoe_test::losses_of(*model, sample, true);
  CHECK(trained.language.value().item() == language(*without, sample, false));
  CHECK(gmoe_test::dropped(trained.found) == 20);
}

TEST_CASE("model/cards: identities, parameters of one name start equal in all variants") {
  const sizes s = gmoe_test::small_sizes();
  std::map<std::string, std::vector<double>> first;
  std::size_t shared = 0;
  for (const std::string_view card : {"dense", "gmoe", "switch"}) {
    const auto model = make_model<B>(card, s, 9);
    for (const parameter<B>* p : model->parameters()) {
      const auto values = p->value().to_host();
      const auto [at, inserted] = first.emplace(p->name(), values);
      if (inserted || at->second.size() != values.size()) continue;  // a pool may be larger
      CHECK(at->second == values);
      ++shared;
    }
  }
  CHECK(shared >= 2 * (2 + 3 * 8 + 2));  // embeddings, attention and norms of three blocks, the last norm
  const auto other = make_model<B>("gmoe", s, 10);
  CHECK(named(*other, "wte").value().to_host() != first["wte"]);
}

TEST_CASE("model/cards: identities, a future token changes nothing before it") {
  const auto model = random_model("gmoe");
  text a(1, 6, 11);
  a.targets = {no_target, no_target, no_target, no_target, 3, no_target};
  text b = a;
  b.tokens.back() = static_cast<id_type>((b.tokens.back() + 1) % 11);
  CHECK(language(*model, a) == language(*model, b));
  b.tokens[4] = static_cast<id_type>((b.tokens[4] + 1) % 11);
  CHECK(language(*model, a) != language(*model, b));
}
