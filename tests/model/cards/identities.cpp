// What must come out equal, or exactly so, whatever the weights are.
#include <doctest/doctest.h>

#include <map>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::named;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

/// Models whose balance loss is seen, and that drop where they can.
template <class Card>
struct tried_model : language_model<Card, B> {
  explicit tried_model(const sizes& s, const Card& card = gmoe_test::small_card<Card>(), std::uint64_t seed = 42)
      : language_model<Card, B>(s, card, seed) {}
};

template <class Model>
auto& router_of(Model& model, index_t layer) {
  return model.moe().template mine<slots::router>(layer).layer;
}

void write(parameter<B>& p, const std::vector<double>& values) {
  REQUIRE(static_cast<index_t>(values.size()) == p.size());
  B::upload(p.value().data(), values.data(), values.size() * sizeof(double));
}

template <class Model>
double total(Model& model, const text& t, bool training = false) {
  return gmoe_test::losses_of(model, t, training).total.value().item();
}
template <class Model>
double language(Model& model, const text& t, bool training = false) {
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

}  // namespace

TEST_CASE("model/cards: identities, one expert has weight 1 and nothing to learn in the router") {
  sizes s = gmoe_test::small_sizes();
  s.experts = 1;
  tried_model<gmoe_card> model(s);
  gmoe_test::randomise(model);
  tape<B> tape;
  const auto l = gmoe_test::losses_of(model, sample, false, &tape);
  CHECK(l.balance.value().item() == doctest::Approx(0.3).epsilon(1e-14));
  tape.backward(l.total);
  for (parameter<B>* p : model.parameters())
    if (p->name().starts_with("router."))
      for (double g : p->gradient().to_host()) CHECK(std::abs(g) < 1e-15);

  // y = E_local + E_1: the same as with the weight left out.
  tried_model<with<gmoe_card, unit_weight, no_balance>> unweighted(s);
  gmoe_test::randomise(unweighted);
  CHECK(total(unweighted, sample) == doctest::Approx(l.language.value().item()).epsilon(1e-14));
}

TEST_CASE("model/cards: identities, a head of zeros spreads evenly and picks expert 0") {
  tried_model<gmoe_card> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  for (index_t l = 0; l < 3; ++l) B::fill(router_of(model, l).gate.value().view(), 0.0);
  const auto losses = gmoe_test::losses_of(model, sample, false);
  CHECK(losses.balance.value().item() == doctest::Approx(0.3).epsilon(1e-14));
  REQUIRE(losses.found.routings.size() == 3);
  for (const auto& r : losses.found.routings) {
    for (id_type e : r.chosen.to_host()) CHECK(e == 0);
    for (double p : r.scores.value().to_host()) CHECK(p == 0.25);
  }
}

TEST_CASE("model/cards: identities, GMoE without sharing, recurrence and propagation is Switch with a shared expert") {
  sizes s = gmoe_test::small_sizes();
  s.layer_norm_epsilon = 1e-14;  // so that the norm of a norm is itself
  tried_model<with<gmoe_card, global_router<>, layer_pool>> stripped(s);
  tried_model<with<switch_shared_card, no_capacity, every_block>> shared(s);
  gmoe_test::randomise(stripped);
  gmoe_test::randomise(shared);
  const auto plain = [](parameter<B>& gain, parameter<B>& bias) {
    B::fill(gain.value().view(), 1.0);
    B::fill(bias.value().view(), 0.0);
  };
  for (index_t l = 0; l < 3; ++l) {
    const std::string norm = concat("h.", l, ".ln_2.");
    plain(named(stripped, norm + "weight"), named(stripped, norm + "bias"));
    plain(named(shared, norm + "weight"), named(shared, norm + "bias"));
    auto& router = router_of(stripped, l);
    plain(router.h_ln.gain, router.h_ln.bias);
    write(router_of(shared, l).gate, router.gate.value().to_host());
  }
  CHECK(total(stripped, sample, true) == doctest::Approx(total(shared, sample, true)).epsilon(1e-12));
}

TEST_CASE("model/cards: identities, the order of the pool's experts does not matter") {
  const std::vector<index_t> order{2, 0, 3, 1};
  tried_model<gmoe_card> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  const auto before = gmoe_test::losses_of(model, sample, false);
  auto& bank = model.moe().bank();
  write(bank.w_in(), permuted_rows(bank.w_in(), order));
  write(bank.w_out(), permuted_rows(bank.w_out(), order));
  for (index_t l = 0; l < 3; ++l) {
    auto& router = router_of(model, l);
    write(router.gate, permuted_rows(router.gate, order));
    write(*router.z_proj, permuted_cols(*router.z_proj, order));
    write(router.z_ln->gain, permuted_cols(router.z_ln->gain, order));
    write(router.z_ln->bias, permuted_cols(router.z_ln->bias, order));
  }
  const auto after = gmoe_test::losses_of(model, sample, false);
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
  tried_model<gmoe_card> model(s);
  tried_model<gmoe_no_logits_card> without(s);
  gmoe_test::randomise(model);
  gmoe_test::randomise(without);
  const auto head = router_of(model, 0).gate.value().to_host();  // 4 x 16
  std::vector<double> left;
  for (std::size_t e = 0; e < 4; ++e) left.insert(left.end(), head.begin() + 16 * e, head.begin() + 16 * e + 8);
  write(router_of(without, 0).gate, left);
  const auto logits = [](auto& m) {
    return gmoe_test::losses_of(m, sample, false).found.routings[0].logits.value().to_host();
  };
  const auto z = logits(model), z0 = logits(without);
  const auto projection = router_of(model, 0).z_proj->value().to_host();  // 8 x 4
  const auto beta = router_of(model, 0).z_ln->bias.value().to_host();
  for (std::size_t e = 0; e < 4; ++e) {
    double constant = 0;
    for (std::size_t c = 0; c < 8; ++c)
      for (std::size_t j = 0; j < 4; ++j) constant += head[16 * e + 8 + c] * projection[4 * c + j] * beta[j];
    for (std::size_t t = 0; t < 10; ++t)
      CHECK(z[4 * t + e] - z0[4 * t + e] == doctest::Approx(constant).epsilon(1e-12));
  }
  // And it does not matter whether the pool is shared.
  tried_model<gmoe_no_global_card> own(s);
  gmoe_test::randomise(own);
  CHECK(total(own, sample) == total(model, sample));
}

TEST_CASE("model/cards: identities, parts of one are the whole, and joint is separate in one layer") {
  sizes s = gmoe_test::small_sizes();
  tried_model<gmoe_card> model(s);
  auto whole = gmoe_test::small_card<gmoe_fine_grained_card>();
  whole.experts.granularity = 1;
  tried_model<gmoe_fine_grained_card> split(s, whole);
  gmoe_test::randomise(model);
  gmoe_test::randomise(split);
  CHECK(total(split, sample) == total(model, sample));
  s.layers = 1;
  tried_model<gmoe_card> one(s);
  tried_model<with<gmoe_card, joint_switch_loss>> joint(s);
  gmoe_test::randomise(one);
  gmoe_test::randomise(joint);
  CHECK(total(joint, sample) == doctest::Approx(total(one, sample)).epsilon(1e-14));
}

TEST_CASE("model/cards: identities, splitting an expert in parts that are all active changes only the weights") {
  // Experts of width m in g parts: with all parts chosen and weight 1 the sum is that of the whole experts.
  sizes s = gmoe_test::small_sizes();
  using plain_card = with<gmoe_card, unit_weight, no_balance>;
  using split_card = with<gmoe_fine_grained_card, unit_weight, no_balance>;
  const top_k all{.k = 4};  // whole experts
  tried_model<plain_card> whole(s, card<plain_card>(all));
  tried_model<split_card> parts(s, card<split_card>(all, fine_grained<global_pool>{.granularity = 3}));
  gmoe_test::randomise(whole);
  gmoe_test::randomise(parts);
  CHECK(total(parts, sample) == doctest::Approx(total(whole, sample)).epsilon(1e-13));
}

TEST_CASE("model/cards: identities, with enough room training drops nothing") {
  tried_model<switch_card> model(gmoe_test::small_sizes(), card<switch_card>(limited_capacity{.factor = 4}));
  gmoe_test::randomise(model);
  const auto trained = gmoe_test::losses_of(model, sample, true);
  CHECK(trained.total.value().item() == total(model, sample, false));
  CHECK(gmoe_test::dropped(trained.found) == 0);
}

TEST_CASE("model/cards: identities, dropping everything leaves the residual stream") {
  const sizes s = gmoe_test::small_sizes();
  const auto none = card<switch_card>(limited_capacity{.factor = 0.01});  // room for none
  tried_model<switch_card> model(s, none), without(s, none);
  gmoe_test::randomise(model);
  gmoe_test::randomise(without);
  B::fill(without.moe().bank().w_out().value().view(), 0.0);
  const auto trained = gmoe_test::losses_of(model, sample, true);
  CHECK(trained.language.value().item() == language(without, sample, false));
  CHECK(gmoe_test::dropped(trained.found) == 20);
}

TEST_CASE("model/cards: identities, parameters of one name start equal in all variants") {
  const sizes s = gmoe_test::small_sizes();
  std::map<std::string, std::vector<double>> first;
  std::size_t shared = 0;
  const auto visit = [&](auto&& model) {
    for (parameter<B>* p : model.parameters()) {
      const auto values = p->value().to_host();
      const auto [at, inserted] = first.emplace(p->name(), values);
      if (inserted || at->second.size() != values.size()) continue;  // a pool may be larger
      CHECK(at->second == values);
      ++shared;
    }
  };
  visit(language_model<dense_card, B>(s, 9));
  visit(language_model<gmoe_card, B>(s, 9));
  visit(language_model<switch_card, B>(s, 9));
  CHECK(shared >= 2 * (2 + 3 * 8 + 2));  // embeddings, attention and norms of three blocks, the last norm
  language_model<gmoe_card, B> other(s, 10);
  CHECK(other.token_embedding().value().to_host() != first["wte"]);
}

TEST_CASE("model/cards: identities, a future token changes nothing before it") {
  tried_model<gmoe_card> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  text a(1, 6, 11);
  a.targets = {no_target, no_target, no_target, no_target, 3, no_target};
  text b = a;
  b.tokens.back() = static_cast<id_type>((b.tokens.back() + 1) % 11);
  CHECK(language(model, a) == language(model, b));
  b.tokens[4] = static_cast<id_type>((b.tokens[4] + 1) % 11);
  CHECK(language(model, a) != language(model, b));
}
