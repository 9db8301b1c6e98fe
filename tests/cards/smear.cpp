// One expert for a text, merged number by number.
#include "cards/smear.hpp"

#include "cards/check.hpp"
#include "gmoe/model/causality.hpp"

using namespace gmoe_test;

TEST_CASE("cards/smear: its equations, differences, reading") {
  card_case c{.card = "smear"};
  c.shape.layers = 2;
  c.shape.d_ff = 5;
  smear_equations equations;
  equations.width = 5;
  CHECK(check_equations(c, equations).routings.empty());  // nobody chooses
  c.shape.layers = 1;
  card_case small = c;
  small.shape.vocab = 5;
  check_gradients(small);
  check_reading(c);
  c.training = false;
  c.batch = 1;
  check_equations(c, equations);
  // Segments of one token, of two of five, and all five; a text that begins and ends within one.
  for (const char* const segment : {"1", "2", "5"}) {
    CAPTURE(segment);
    card_case cut{.card = "smear", .set = {{"form.segment", segment}, {"form.ahead", "false"}}};
    cut.shape.layers = 1;
    cut.shape.vocab = cut.shape.d_ff = 5;
    equations.segment = static_cast<std::size_t>(segment[0] - '0');
    equations.ahead = false;
    check_equations(cut, equations);
    check_reading(cut);
    if (segment[0] == '2') check_gradients(cut);
  }
}

TEST_CASE("cards/smear: it looks ahead in training alone, and where it may; padding decides nothing") {
  const card_case c{.card = "smear", .set = {{"form.segment", "2"}}};
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  CHECK(gmoe::check_causality(*model, 6, true).measured == gmoe::reach::sequence);
  CHECK(gmoe::check_causality(*model, 6).measured == gmoe::reach::past);
  CHECK(card_of(c).reach(true).how == gmoe::reach::sequence);
  CHECK(card_of(c).reach(false).how == gmoe::reach::past);
  for (const bool training : {true, false}) check_padding(*model, training);
}

TEST_CASE("cards/smear: one expert is the dense layer, and equal ones merge to themselves") {
  card_case one{.card = "smear"}, usual{.card = "smoe", .set = {{"select.k", "1"}, {"balance.alpha", "0"}}};
  one.shape.experts = usual.shape.experts = 1;
  for (const bool training : {true, false}) {
    one.training = usual.training = training;
    check_same(one, usual, 1e-8);  // smoe divides by p + 1e-9
  }
  // Equal experts merge to themselves, whatever p is.
  using B = GMOE_TEST_BACKEND<double>;
  one.shape.experts = 4;
  one.shape.layers = usual.shape.layers = 1;
  const auto many = model_of<B>(one), single = model_of<B>(usual);
  for (const char* const name : {"experts.w_in", "experts.w_out"}) {
    const auto expert = named(*single, name).value().to_host();
    std::vector<double> copies;
    for (int e = 0; e < 4; ++e) copies.insert(copies.end(), expert.begin(), expert.end());
    named(*many, name).value() = gmoe::matrix<B>::from_host(copies, 4 * 12, 8);
  }
  const text t(2, 5, 11);
  CHECK(losses_of(*many, t, true).total.value().item() ==
        doctest::Approx(losses_of(*single, t, true).total.value().item()).epsilon(1e-8));
  CHECK(refusal({.card = "smear", .set = {{"form.segment", "0"}}}) == "form.segment is 0, expected at least 1");
}
