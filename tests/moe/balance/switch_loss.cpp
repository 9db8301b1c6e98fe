#include "gmoe/moe/balance/switch_loss.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/balance/switch_loss: alpha N sum f P", B, GMOE_TEST_MODULE_BACKENDS) {
  const table p(4, 2, {0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.8, 0.2});  // mean 0.65, 0.35
  routing<B> r = routing_of<B>(p, {0, 0, 1, 0});                  // f = 3/4, 1/4
  policy_alone<B, switch_loss> loss({.alpha = 0.5});
  const double expected = 0.5 * 2 * (0.75 * 0.65 + 0.25 * 0.35);
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() == doctest::Approx(expected).epsilon(1e-6));
  // Dropped pairs count as before.
  r.kept = put_ids<B>({no_choice, no_choice, no_choice, no_choice}, 4, 1);
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() == doctest::Approx(expected).epsilon(1e-6));
  // Every slot of a token counts; fractions still sum to one.
  r = routing_of<B>(p, {0, 1, 0, 1, 1, 0, 0, 1});
  CHECK(get(chosen_fractions(r).value()).values == std::vector<double>{0.5, 0.5});
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() == doctest::Approx(0.5).epsilon(1e-6));
  CHECK(get(chosen_fractions(r, 1).value()).values == std::vector<double>{0.75, 0.25});
  // An empty slot is no pair: fractions still sum to one, and a balanced loss is still alpha.
  r = routing_of<B>(p, {0, no_choice, no_choice, no_choice, 1, no_choice, 0, 1});
  CHECK(get(chosen_fractions(r).value()).values == std::vector<double>{0.5, 0.5});
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() == doctest::Approx(0.5).epsilon(1e-6));
  r = routing_of<B>(p, {0, no_choice, no_choice, no_choice, 0, no_choice, 0, 1});
  CHECK(get(chosen_fractions(r).value()).values == std::vector<double>{0.75, 0.25});
  // No pair at all: nothing to balance.
  r = routing_of<B>(p, std::vector<id_type>(8, no_choice));
  CHECK(get(chosen_fractions(r).value()).values == std::vector<double>{0, 0});
  CHECK(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item() == 0);
}

TEST_CASE_TEMPLATE("moe/balance/switch_loss: the same as DeepSeekMoE's expert-level loss", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const index_t tokens = 6, experts = 5, k = 3;
  const table p = softmax(random_table(tokens, experts, 8));
  std::vector<id_type> chosen;
  std::vector<double> count(5, 0);
  for (index_t t = 0; t < tokens; ++t)
    for (index_t j = 0; j < k; ++j) {
      chosen.push_back(static_cast<id_type>((t * t + j) % experts));
      ++count[static_cast<std::size_t>(chosen.back())];
    }
  double loss = 0;  // a1 sum_i f_i P_i with f_i = N' / (K' T) c_i
  for (index_t i = 0; i < experts; ++i) {
    double mean = 0;
    for (index_t t = 0; t < tokens; ++t) mean += p(t, i) / tokens;
    loss += 0.01 * experts / static_cast<double>(k * tokens) * count[static_cast<std::size_t>(i)] * mean;
  }
  CHECK(
      policy_alone<B, switch_loss>().ask(hooks::layer_loss{}, context<B>{}, routing_of<B>(p, chosen)).value().item() ==
      doctest::Approx(loss).epsilon(1e-6));
}
