// Experts of different widths, and what the wide ones cost.
#include "cards/hmoe.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

double hmoe_balance(const card_case& c) {
  return losses_of(*model_of<GMOE_TEST_BACKEND<double>>(c), text(c.batch, c.sequence, c.shape.vocab), c.training)
      .balance.value()
      .item();
}

}  // namespace

TEST_CASE("cards/hmoe: its equations, differences, and token by token") {
  card_case c{.card = "hmoe"};  // widths around 12, the widest 2.5 times the narrowest
  const auto found = check_equations(c, hmoe_equations({7, 10, 14, 17}));
  CHECK(found.routings[1].pool->widths == std::vector<index_t>{7, 10, 14, 17});
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "4"}, {"experts.ratio", "23"}};
  hmoe_equations all({1, 8, 16, 23});
  all.k = 4;
  all.alpha = 0.4;
  check_equations(c, all);
  c.training = false;
  check_equations(c, all);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/hmoe: as many experts as it takes") {
  card_case c{.card = "hmoe-top-p"};
  const auto found = check_equations(c, hmoe_top_p_equations({7, 10, 14, 17}));
  std::vector<bool> counts(5);  // tokens differ in how many they take
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    for (std::size_t t = 0; t < 10; ++t)
      counts[4 - static_cast<std::size_t>(std::count(kept.begin() + static_cast<std::ptrdiff_t>(4 * t),
                                                     kept.begin() + static_cast<std::ptrdiff_t>(4 * t + 4),
                                                     gmoe::no_choice))] = true;
  }
  CHECK(std::count(counts.begin(), counts.end(), true) > 1);
  c.set = {{"balance.load.alpha", "0.4"},
           {"balance.entropy.beta", "0.3"},
           {"balance.entropy.of_what", "mean"},
           {"select.above", "0.8"}};
  hmoe_top_p_equations mean({7, 10, 14, 17});
  mean.alpha = 0.4;
  mean.beta = 0.3;
  mean.above = 0.8;
  mean.of_mean = true;
  check_equations(c, mean);
  c.training = false;
  check_equations(c, mean);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/hmoe: with equal widths the penalty is Switch's loss times the experts per token") {
  const card_case equal{.card = "hmoe", .set = {{"experts.ratio", "1"}, {"balance.alpha", "0.3"}}},
      standard{.card = "smoe", .set = {{"balance.alpha", "0.6"}}};
  check_same(equal, standard);
}

TEST_CASE("cards/hmoe: a wide expert costs more than a narrow one") {
  // All tokens at one expert: the penalty is k N m_e / mean m P_e, with its own P; compare by what v alone does.
  card_case c{.card = "hmoe", .set = {{"select.k", "4"}}};  // f is the same for all experts
  const double by_width = hmoe_balance(c);
  c.set.push_back({"balance.by_width", "false"});
  const double without = hmoe_balance(c);
  CHECK(without == doctest::Approx(0.1 * 4).epsilon(1e-12));  // 0.1 N sum of 1 P
  CHECK(by_width != doctest::Approx(without).epsilon(1e-3));
}

TEST_CASE("cards/hmoe: edges, one expert, two, and numbers that do not fit") {
  card_case c{.card = "hmoe", .set = {{"select.k", "1"}}};
  c.shape.experts = 1;
  hmoe_equations alone({12});
  alone.k = 1;
  check_equations(c, alone);
  c.set = {};
  c.shape.experts = 2;
  c.shape.d_ff = 7;
  check_equations(c, hmoe_equations({4, 10}));
  c.set = {{"experts.ratio", "30"}};
  CHECK(refusal(c) == "experts.ratio = 30 leaves no hidden unit to the narrowest of experts with d_ff = 7 on average");
  CHECK(config_message([&] {
          card_of({.card = "hmoe", .set = {{"experts.ratio", "0.5"}}});
        }).find("experts.ratio") != std::string::npos);
}
