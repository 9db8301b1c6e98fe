// Experts that draws decide, of which any two are to agree.
#include "cards/thor.hpp"

#include <set>

#include "cards/check.hpp"
#include "gmoe/model/causality.hpp"

using namespace gmoe_test;

namespace {
using thor_backend = GMOE_TEST_BACKEND<double>;
}

TEST_CASE("cards/thor: its equations in two passes and in one, differences, products, reading, padding, reach") {
  card_case c{.card = "thor"};
  check_equations(c, thor_equations{});
  c.training = false;
  check_equations(c, thor_equations{});
  check_reading(c);
  const gmoe::sizes& s = c.shape;  // no router: attention and one expert in each layer, and the head
  CHECK(card_of(c).cost(s).multiply_adds ==
        s.layers * (4 * s.d_model * s.d_model + 2 * s.d_model * s.d_ff) + s.vocab * s.d_model);
  c.training = true;
  c.set = {{"router.agreement", "0.4"}};
  thor_equations other;
  other.weight = 0.4;
  check_equations(c, other);
  c.shape.experts = 1;
  other.experts = 1;
  check_equations(c, other);
  c.set = {{"router.agreement", "0"}};
  other.weight = 0;
  check_equations(c, other);
  card_case small{.card = "thor", .batch = 2, .sequence = 3};
  small.shape.layers = 1;
  small.shape.vocab = 8;
  small.shape.d_model = 4;
  small.shape.d_ff = 3;
  check_gradients(small);
  small.shape.dropout = 0.3;  // the same in both passes
  check_gradients(small);
  small.shape.dropout = 0;
  const auto model = model_of<thor_backend>(small);
  for (const bool training : {true, false}) {
    CHECK(gmoe::check_causality(*model, 6, training).measured <= gmoe::reach::past);
    check_padding(*model, training);
  }
  CHECK(refusal({.card = "thor", .set = {{"router.agreement", "-1"}}}) == "router.agreement is -1, expected 0 or more");
}

TEST_CASE("cards/thor: equal experts agree, and both passes drop the same") {
  card_case c{.card = "thor"};
  c.shape.dropout = 0.3;
  const auto model = model_of<thor_backend>(c);
  const text t(c.batch, c.sequence, c.shape.vocab);
  const auto agreement = [&] { return losses_of(*model, t, true).found.losses.at(0).value.value().item(); };
  CHECK(agreement() > 1e-3);
  for (auto* const p : model->parameters())
    if (p->name().starts_with("experts.")) p->value() = gmoe::matrix<thor_backend>::filled(p->rows(), p->cols(), 0.2);
  CHECK(std::abs(agreement()) < 1e-14);
}

TEST_CASE("cards/thor: a sequence has one expert in each layer, all are drawn") {
  card_case c{.card = "thor", .batch = 40, .sequence = 2};
  const auto model = model_of<thor_backend>(c);
  const auto found = losses_of(*model, text(c.batch, c.sequence, c.shape.vocab), false).found;
  REQUIRE(found.routings.size() == 3);
  std::set<std::vector<id_type>> layers;
  for (const auto& r : found.routings) {
    const std::vector<id_type> kept = r.kept.to_host();
    REQUIRE(kept.size() == 80);
    for (std::size_t b = 0; b < 40; ++b) CHECK(kept[2 * b] == kept[2 * b + 1]);
    CHECK(std::set<id_type>(kept.begin(), kept.end()).size() == 4);
    layers.insert(kept);
  }
  CHECK(layers.size() == 3);
  const auto first = model_of<thor_backend>({.card = "thor", .set = {{"router.draws_in_evaluation", "false"}}});
  for (const bool training : {true, false})
    for (const auto& r : losses_of(*first, text(c.batch, c.sequence, c.shape.vocab), training).found.routings) {
      const std::vector<id_type> kept = r.kept.to_host();
      CHECK((std::count(kept.begin(), kept.end(), 0) == 80) == !training);
    }
}
