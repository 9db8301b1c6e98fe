// Two mixtures of narrow experts, one upon the other, against their equations.
#include "cards/cartesian.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/cartesian: its equations, differences, reading") {
  const card_case c{.card = "cartesian"};
  const auto found = check_equations(c, cartesian_equations{});
  REQUIRE(found.routings.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) CHECK(found.routings[i].mixture == (i % 2 == 0 ? "first" : "second"));
  check_products(c, cartesian_equations{});
  card_case small = c;
  small.shape.layers = 1;
  check_gradients(small);
  check_reading(c);
  check_padding(*model_of<model_backend>(c), true);

  cartesian_equations wide;  // everybody, and experts as wide as d_ff
  wide.k = 4;
  wide.width = 12;
  check_equations({.card = "cartesian",
                   .set = {{"form.divisor", "1"}, {"form.first.select.k", "4"}, {"form.second.select.k", "4"}}},
                  wide);
  card_case alone = c;
  alone.shape.experts = 1;
  cartesian_equations one;
  one.experts = 1;
  check_equations(alone, one);
  CHECK(refusal({.card = "cartesian", .set = {{"form.divisor", "5"}}}) ==
        "in_series: d_ff = 12 is not divisible by divisor = 5");
}

TEST_CASE("cards/cartesian: a second mixture of zeros leaves a usual one with a shared expert") {
  const card_case c{.card = "cartesian"};
  const auto model = model_of<model_backend>(c);
  for (auto* p : model->parameters()) {
    if (!p->name().starts_with("form.second.") || !p->name().ends_with("w_out")) continue;
    const std::vector<double> zeros(static_cast<std::size_t>(p->size()));
    model_backend::upload(p->value().data(), zeros.data(), zeros.size() * sizeof(double));
  }
  naive::variant usual;
  usual.width = usual.always = 6;
  usual.one_pool = false;
  usual.router = naive::router_kind::linear;
  usual.balance = naive::balance::none;
  naive::weights w;
  for (const auto& [name, weight] : weights_of(model->parameters()))
    w[name.starts_with("form.first.") ? name.substr(11) : name] = weight;
  naive::settings how;
  how.batch = 2;
  how.sequence = 5;
  const text t(2, 5, 11);
  const naive::result expected =
      naive::run(usual, how, w, {t.tokens.begin(), t.tokens.end()}, {t.targets.begin(), t.targets.end()});
  CHECK(losses_of(*model, t, true).language.value().item() ==
        doctest::Approx(expected.language.value()).epsilon(1e-12));
}
