// Blocks of layers that share their experts, and a vector per layer that router and experts see.
#include "cards/more.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/more: its equations with a last block of one layer, differences, and token by token") {
  card_case c{.card = "more", .set = {{"balance.alpha", "0.3"}}};
  more_equations equations;
  equations.alpha = 0.3;
  const auto found = check_equations(c, equations);
  CHECK(found.routings[0].experts == 8);
  CHECK(*found.routings[0].visible == *found.routings[1].visible);
  CHECK(*found.routings[2].visible == std::vector<id_type>{8, 9, 10, 11});
  c.training = false;
  check_equations(c, equations);
  c.training = true;
  for (const std::size_t block : {1, 3, 7}) {  // a pool per layer; one for all, also where a block were longer
    equations.block = block;
    c.set = {{"balance.alpha", "0.3"}, {"experts.block", std::to_string(block)}};
    check_equations(c, equations);
  }
  c.shape.experts = equations.experts = 1;  // one for each layer, all of which are chosen
  equations.k = 3;
  c.set.emplace_back("select.k", "3");
  check_equations(c, equations);
  c = {.card = "more", .set = {{"balance.alpha", "0.3"}}};
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/more: blocks of one layer without a depth embedding are the standard mixture") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "more", .set = {{"experts.block", "1"}}};
  const auto one = model_of<B>(c);
  one->each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("depth_bias")) B::fill(p.value().view(), typename B::scalar(0));
  });
  gmoe::language_model<gmoe::with<gmoe::smoe_card, gmoe::selected_score>, B> standard(c.shape);
  randomise(standard);
  const text t(2, 5, c.shape.vocab);
  CHECK(losses_of(*one, t, true).total.value().item() == losses_of(standard, t, true).total.value().item());
  CHECK(losses_of(*model_of<B>(c), t, true).total.value().item() != losses_of(standard, t, true).total.value().item());
}

TEST_CASE("cards/more: parameters, padding, and what is refused") {
  gmoe::language_model<gmoe::more_card, GMOE_TEST_BACKEND<double>> model(small_sizes());
  CHECK(named(model, "experts.w_in").rows() == 3 * 4 * 12);  // as many as in a pool per layer
  randomise(model);
  check_padding(model, true);
  CHECK(refusal({.card = "more", .set = {{"select.k", "5"}}}) ==
        "the selection takes 5 experts per token, but block 2 has only 4");
  CHECK(config_message([] {
          gmoe::any_card card = gmoe::make_card<GMOE_TEST_CARDS>("more");
          gmoe::change_setting(card, "experts.block", "0");
        }).find("experts.block is 0, expected at least 1") != std::string::npos);
}
