// Mixtral's backbone around the usual mixture.
#include "cards/llama_smoe.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/llama_smoe: norms, angles, shared keys, gates and head, against its equations") {
  card_case c{.card = "llama-smoe"};
  c.shape.heads = 2;
  c.shape.d_model = 8;
  for (const char* sharing : {"1", "2"}) {
    c.set = {{"attention.sharing", sharing}};
    check_equations(c, swiglu_equations{});
  }
  c.shape.layers = 2;
  check_gradients(c);
  c.shape.dropout = 0.2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/llama_smoe: positions are differences") {
  // The same text further on in a sequence gives the same logits, as long as it cannot see what stands before it.
  using B = GMOE_TEST_BACKEND<double>;
  card_case c{.card = "llama-smoe"};
  c.shape.layers = 1;
  const auto model = model_of<B>(c);
  const auto read = [&](const std::vector<id_type>& tokens) {
    gmoe::batch<B> data;
    data.assign(tokens, {}, 1, c.shape.vocab);
    return model->hidden(gmoe::any_model<B>::reading({}, data)).value().to_host();
  };
  const std::vector<double> twice = read({3, 3}), alone = read({3});
  for (std::size_t i = 0; i < alone.size(); ++i) {
    CHECK(twice[i] == doctest::Approx(alone[i]).epsilon(1e-12));
    // Two equal rows of values have the same sum, whatever the angles.
    CHECK(twice[alone.size() + i] == doctest::Approx(alone[i]).epsilon(1e-12));
  }
}

TEST_CASE("cards/llama_smoe: what it refuses") {
  card_case c{.card = "llama-smoe", .set = {{"attention.sharing", "3"}}};
  CHECK(refusal(c) == "attention.sharing = 3 does not divide heads = 2");
  c.set = {};
  c.shape.d_model = 6;
  CHECK(refusal(c) == "d_model / heads = 3 is odd: llama_attention turns columns in pairs");
  c.set = {{"attention.base", "1"}};
  CHECK(refusal(c) == "attention.base is 1, expected more than 1");
}
