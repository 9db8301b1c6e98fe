// Experts of four kinds, and logits that travel over depth.
#include "cards/moe_plus_plus.hpp"
#include "cards/choosing.hpp"

using namespace gmoe_test;

TEST_CASE("cards/moe-plus-plus: its equations, differences, reading, every kind is asked") {
  card_case c{.card = "moe-plus-plus", .batch = 3};
  std::set<id_type> asked;
  for (const auto& r : check_equations(c, plus_plus_equations{}).routings)
    for (const id_type e : r.chosen.to_host()) asked.insert(e);
  CHECK(asked.size() == 8);
  check_reading(c);
  card_case small = c;
  small.batch = 1;
  small.shape.layers = 2;
  check_gradients(small);

  plus_plus_equations more;
  more.nulls = 0;
  more.copies = 2;
  more.constants = 1;
  more.tau = 0.2;
  more.alpha = 0.5;
  more.k = 7;  // everybody
  c.set = {{"experts.nulls", "0"}, {"experts.copies", "2"},  {"experts.constants", "1"},
           {"balance.tau", "0.2"}, {"balance.alpha", "0.5"}, {"select.k", "7"}};
  check_equations(c, more);
}

TEST_CASE("cards/moe-plus-plus: without special experts; and with logits cut from the gradient") {
  card_case c{.card = "moe-plus-plus",
              .set = {{"experts.nulls", "0"}, {"experts.copies", "0"}, {"experts.constants", "0"}}};
  plus_plus_equations usual;
  usual.nulls = usual.copies = usual.constants = 0;
  check_equations(c, usual);
  c.shape.experts = 1;
  c.set.push_back({"select.k", "1"});
  usual.experts = usual.k = 1;
  check_equations(c, usual);

  using B = GMOE_TEST_BACKEND<double>;
  const auto slope = [](const char* cuts) {
    const card_case one{.card = "moe-plus-plus", .set = {{"router.cuts", cuts}}};
    const auto model = model_of<B>(one);
    gmoe::tape<B> tape;
    gmoe::context<B> ctx{.tape = &tape, .training = true};
    const text t(one.batch, one.sequence, one.shape.vocab);
    const auto loss = model->loss(ctx, t.on<B>(one.shape.vocab)).total;
    tape.backward(loss);
    std::vector<double> all{loss.value().item()};
    for (const double g : named(*model, "router.0.gate").gradient().to_host()) all.push_back(g);
    return all;
  };
  const auto whole = slope("false"), cut = slope("true");
  CHECK(whole[0] == cut[0]);
  CHECK(whole != cut);
}
