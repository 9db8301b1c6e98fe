#include "gmoe/model/size_use.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gmoe/model/registry.hpp"
#include "moe_checks.hpp"

using namespace gmoe;

namespace {

/// What is seen of a model from outside: names and sizes of its parameters, and the loss of a training pass.
template <class Card>
std::string seen(const sizes& s) {
  using B = gmoe_test::model_backend;
  language_model<Card, B> model(s);
  std::string text;
  model.each_parameter([&](const parameter<B>& p) { text += concat(p.name(), " ", p.rows(), " x ", p.cols(), "; "); });
  gmoe_test::randomise(model, 2);
  const auto loss = gmoe_test::losses_of(model, gmoe_test::text(2, 4, s.vocab), true).total;
  text += concat(std::hexfloat, loss.value().item());
  return text;
}

}  // namespace

TEST_CASE("model/size_use: a number makes a difference to exactly the models that are said to use it") {
  sizes base = gmoe_test::small_sizes();
  base.granularity = 2;
  base.top_k = 0;
  base.moe_blocks = {0};
  base.capacity_factor = 1.25;
  base.balance_alpha = 0.01;
  for (const card_text& card : all_cards::texts)
    with_card(card.name, [&]<class Card>() {
      const std::string before = seen<Card>(base);
      const auto changes = [&](const char* field, auto&& change) {
        sizes s = base;
        change(s);
        INFO(card.name, ": ", std::string(field));
        CHECK((seen<Card>(s) != before) == uses_size<Card>(field));
      };
      changes("experts", [](sizes& s) { s.experts += 1; });
      changes("top_k", [](sizes& s) { s.top_k = 3; });
      changes("granularity", [](sizes& s) { s.granularity = 1; });
      changes("shared_experts", [](sizes& s) { s.shared_experts = 0; });
      changes("moe_blocks", [](sizes& s) { s.moe_blocks = {1}; });
      changes("capacity_factor", [](sizes& s) { s.capacity_factor = 0.3; });
      changes("balance_alpha", [](sizes& s) { s.balance_alpha = 0.5; });
      changes("d_ff", [](sizes& s) { s.d_ff *= 2; });
      changes("layer_norm_epsilon", [](sizes& s) { s.layer_norm_epsilon *= 2; });
    });
}

TEST_CASE("model/size_use: listed blocks, and policies that say nothing") {
  static_assert(uses_size<with<gmoe_card, listed_blocks>>("moe_blocks"));
  static_assert(uses_size<with<gmoe_card, joint_switch_loss>>("balance_alpha"));
  static_assert(!uses_size<with<gmoe_card, no_balance>>("balance_alpha"));
  static_assert(!uses_size<dense_card>("top_k"));
  static_assert(uses_size<dense_card>("dropout"));
}
