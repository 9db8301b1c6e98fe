// Experts of mixtures of tokens, one slot after the other.
#include "cards/soft_moe.hpp"

#include "cards/check.hpp"
#include "gmoe/analysis/record.hpp"
#include "gmoe/model/causality.hpp"

using namespace gmoe_test;
using soft_backend = GMOE_TEST_BACKEND<double>;

TEST_CASE("cards/soft-moe: its equations, differences, reading") {
  card_case c{.card = "soft-moe"};
  soft_equations equations;
  c.shape.layers = 2;
  CHECK(check_equations(c, equations).routings.empty());  // nobody chooses
  check_reading(c);
  c.shape.layers = 1;
  check_gradients(c);
  c.training = false;
  check_equations(c, equations);
  // Two slots for each expert, and training without a look ahead.
  equations.slots = 2;
  equations.ahead = false;
  card_case causal{.card = "soft-moe", .set = {{"form.slots_per_expert", "2"}, {"form.ahead", "false"}}};
  causal.shape.layers = causal.batch = 1;
  check_equations(causal, equations);
  check_reading(causal);
}

TEST_CASE("cards/soft-moe: it looks ahead in training alone, and where it may; padding is in no slot") {
  const card_case c{.card = "soft-moe"};
  const auto model = model_of<soft_backend>(c);
  CHECK(gmoe::check_causality(*model, 6, true).measured == gmoe::reach::sequence);
  CHECK(gmoe::check_causality(*model, 6).measured == gmoe::reach::past);
  CHECK(card_of(c).reach(true).how == gmoe::reach::sequence);
  CHECK(card_of(c).reach(false).how == gmoe::reach::past);
  const auto causal = model_of<soft_backend>({.card = "soft-moe", .set = {{"form.ahead", "false"}}});
  CHECK(gmoe::check_causality(*causal, 6, true).measured == gmoe::reach::past);
  for (const bool training : {true, false}) check_padding(*model, training);
  // What training costs: four experts for each token of three layers, or for a sequence of seven.
  const card_case each{.card = "soft-moe", .set = {{"form.ahead", "false"}}};
  CHECK(card_of(each).cost(c.shape).active - card_of(c).cost(c.shape).active ==
        3 * 4 * 2 * 8 * 12 - std::llround(3 * 4 * 2 * 8 * 12 / 7.0));
}

TEST_CASE("cards/soft-moe: one token is a dense soft mixture, one expert of it is the expert") {
  // Of one token every slot is the token: all experts, weighed by softmax.
  card_case alone{.card = "soft-moe"};
  card_case dense{.card = "smoe", .set = {{"select.k", "4"}, {"balance.alpha", "0"}}};
  alone.sequence = dense.sequence = 1;
  check_same(alone, dense, 1e-8);  // smoe divides by a sum of 1 + 1e-9
  card_case one = alone, usual = dense;
  one.shape.experts = usual.shape.experts = 1;
  usual.set[0].second = "1";
  check_same(one, usual, 1e-8);
  // The last token of a sequence gets the same from both forms.
  const card_case c{.card = "soft-moe", .shape = [] {
                      gmoe::sizes s = small_sizes();
                      s.layers = 1;
                      return s;
                    }()};
  const auto model = model_of<soft_backend>(c);
  const auto hidden = [&](bool training) {
    gmoe::context<soft_backend> ctx;
    ctx.training = training;
    return model->hidden(gmoe::any_model<soft_backend>::reading(ctx, text(1, 5, 11).on<soft_backend>(11)))
        .value()
        .to_host();
  };
  const auto ahead = hidden(true), so_far = hidden(false);
  const auto apart = [&](std::size_t first, std::size_t last) {
    double most = 0;
    for (std::size_t i = first; i < last; ++i) most = std::max(most, std::abs(ahead[i] - so_far[i]));
    return most;
  };
  CHECK(apart(0, 8) > 1e-3);
  CHECK(apart(4 * 8, 5 * 8) < 1e-12);
}

TEST_CASE("cards/soft-moe: where nobody chooses there are no decisions to look at") {
  const auto model = model_of<soft_backend>({.card = "soft-moe"});
  const std::vector<id_type> tokens = text(3, 5, 11).tokens;
  const gmoe::routing_record record =
      gmoe::record_routing(*model, std::span<const id_type>(tokens), {.sequence = 4, .batch = 2});
  CHECK(record.decisions.layers() == 0);
  CHECK(record.tokens.size() == tokens.size() - 1);
  CHECK(refusal({.card = "soft-moe", .set = {{"form.slots_per_expert", "0"}}}) ==
        "form.slots_per_expert is 0, expected at least 1");
}
