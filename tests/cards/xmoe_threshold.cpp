// As many small experts as it takes, and a queue in front of each, pair by pair.
#include "cards/xmoe_threshold.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/xmoe_threshold: its equations, with queues in training and without in evaluation") {
  card_case c{.card = "xmoe-threshold", .set = {{"balance.alpha", "0.4"}}, .batch = 4};
  xmoe_equations equations;
  equations.alpha = 0.4;
  CHECK(dropped(check_equations(c, equations)) > 20);
  c.training = false;
  CHECK(dropped(check_equations(c, equations)) == 0);
  c.training = true;
  // Of whole experts, with little room: some tokens get nothing. One expert; nobody but the best; everybody.
  c.set.push_back({"experts.granularity", "1"});
  c.set.push_back({"capacity.factor", "0.5"});
  equations.factor = 0.5;
  equations.experts = 4;
  equations.width = 12;
  CHECK(dropped(check_equations(c, equations)) > 20);
  for (const double above : {0.0, 0.5, 1.0}) {
    CAPTURE(above);
    c.set.push_back({"select.above", std::to_string(above)});
    equations.above = above;
    check_equations(c, equations);
  }
  c.shape.experts = 1;
  equations.experts = 1;
  check_equations(c, equations);
}

TEST_CASE("cards/xmoe_threshold: differences, token by token, padding; a threshold of 1 asks all experts") {
  card_case c{.card = "xmoe-threshold", .set = {{"balance.alpha", "0.4"}, {"capacity.factor", "3"}}};
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  using B = GMOE_TEST_BACKEND<double>;
  gmoe::language_model<gmoe::xmoe_threshold_card, B> model(small_sizes());
  randomise(model);
  check_padding(model, false);

  // The usual mixture with k = N has the same weights, once nobody queues.
  using everybody = gmoe::with<gmoe::xmoe_threshold_card, gmoe::top_k, gmoe::renormalised_scores, gmoe::no_capacity>;
  gmoe::language_model<everybody, B> all(small_sizes(), gmoe::card<everybody>(gmoe::top_k{.k = 4}));
  const auto threshold =
      gmoe::card<gmoe::xmoe_threshold_card>(gmoe::prefix{.above = 1}, gmoe::ranked_capacity{.factor = 16});
  gmoe::language_model<gmoe::xmoe_threshold_card, B> same(small_sizes(), threshold);
  randomise(all);
  randomise(same);
  const text t(2, 5, 11);
  for (const bool training : {true, false}) {
    const auto x = losses_of(all, t, training), y = losses_of(same, t, training);
    CHECK(x.total.value().item() == doctest::Approx(y.total.value().item()).epsilon(1e-13));
    for (std::size_t l = 0; l < 3; ++l) CHECK(x.found.routings[l].kept.to_host() == y.found.routings[l].kept.to_host());
  }
  c.set = {{"experts.granularity", "5"}};
  CHECK(refusal(c).find("d_ff = 12 is not divisible by granularity = 5") != std::string::npos);
  CHECK(refusal({.card = "xmoe-threshold", .set = {{"select.above", "1.5"}}}).find("select.above is 1.5, expected") !=
        std::string::npos);
}

TEST_CASE("cards/xmoe_threshold: among equals the lower expert and the earlier token") {
  using B = GMOE_TEST_BACKEND<double>;
  card_case c{.card = "xmoe-threshold",
              .set = {{"experts.granularity", "1"}, {"capacity.factor", "1"}, {"select.above", "0.6"}}};
  const auto model = model_of<B>(c);
  model->each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("gate")) p.value() = gmoe::matrix<B>::filled(p.rows(), p.cols(), 0);
  });
  const auto r = losses_of(*model, text(2, 4, c.shape.vocab), true).found.routings[0];
  const auto chosen = r.chosen.to_host(), kept = r.kept.to_host();
  for (index_t t = 0; t < 8; ++t)
    for (index_t j = 0; j < 4; ++j) {
      const auto at = static_cast<std::size_t>(t * 4 + j);
      CHECK(chosen[at] == (j < 3 ? static_cast<id_type>(j) : gmoe::no_choice));  // 0.25 + 0.25 + 0.25 > 0.6
      CHECK(kept[at] == (t < 2 ? chosen[at] : gmoe::no_choice));                 // room for ceil(8 / 4) tokens
    }
}
