// The numbers of every card, in whole models: each makes a difference, and none is hidden.
#include "gmoe/moe/settings.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gmoe/model/any_model.hpp"
#include "moe_checks.hpp"

using namespace gmoe;

namespace {

/// What is seen of a model from outside: names and sizes of its parameters, losses and gradients of a training pass and
/// of another, where it hears of steps that after a late one, and what is kept then. Or why there is none.
std::string seen(const sizes& s, const any_card& card) {
  using B = gmoe_test::model_backend;
  try {
    const auto made = make_model<B>(card, s);
    any_model<B>& model = *made;
    std::string text;
    model.each_parameter([&](const parameter<B>& p) {  // with its first values
      text += concat(p.name(), " ", p.rows(), " x ", p.cols(), " ", std::hexfloat, B::sum_of_squares(p.value().view()),
                     "; ");
    });
    gmoe_test::randomise(model, 2);
    if (model.needs_preparation()) {
      std::vector<std::int64_t> counts(static_cast<std::size_t>(s.vocab));
      std::iota(counts.begin(), counts.end(), std::int64_t{1});
      model.prepare(counts);
    }
    const auto loss = [&](bool training) {
      tape<B> steps;
      const auto l = gmoe_test::losses_of(model, gmoe_test::text(2, 5, s.vocab), training, &steps);
      steps.backward(l.total);
      double gradients = 0;
      model.each_parameter([&](parameter<B>& p) {
        gradients += B::sum_of_squares(std::as_const(p.gradient()).view());
        p.forget_gradient();
      });
      text += concat(std::hexfloat, l.total.value().item(), " ", gradients, "; ");
      return l.found;
    };
    step_statistics<B> heard;
    model.before_step(0);
    heard.add(loss(true));
    loss(false);
    model.set_step(200);  // within the course of what is scheduled
    model.before_step(200);
    loss(true);
    loss(false);
    if (model.hears_steps) {
      model.after_step(1000, heard);
      loss(false);
    }
    model.each_buffer([&](const buffer<B>& b) {
      for (const double v : b.value().to_host()) text += concat(std::hexfloat, v, " ");
    });
    return text;
  } catch (const config_error& e) {
    return e.what();
  }
}

/// Values to try instead of the one that a number has.
std::vector<std::string> others(const setting& s) {
  const setting_value now = s.value();
  if (std::holds_alternative<double>(now)) return {"0.3", "0.9", "3"};
  if (std::holds_alternative<std::vector<index_t>>(now)) return {"1"};
  if (std::holds_alternative<bool>(now)) return {std::get<bool>(now) ? "false" : "true"};
  if (!std::holds_alternative<std::string>(now)) return {"0", "1", "3"};
  std::vector<std::string> names;  // "one of a, b, c"
  std::istringstream words(s.takes().substr(7));
  for (std::string word; words >> word;) names.push_back(word.substr(0, word.find(',')));
  return names;
}

/// Numbers that make none to these small models: a rule for pairs where every token has one, what words of letters are
/// where no id is a letter, a stage that ends between the steps that are looked at, rules for experts that had much in
/// several steps, and what selectors spell beyond the experts, where these are a power of two.
bool is_beyond(std::string_view card, std::string_view number) {
  return (card == "stable-moe" && (number == "capacity.order" || number == "select.stage_one")) ||
         (card == "dselect-k" && number == "router.reach") ||
         (card == "deep-moe" && (number.ends_with(".candidates.margin") || number.ends_with(".candidates.steps"))) ||
         (card == "mowe" && (number == "router.word" || number == "router.longest"));
}

/// Two choices and two parts, so that their order and their number matter.
any_card base_card(std::string_view name) {
  any_card card = make_card(name);
  for (const auto& [number, value] :
       {std::pair{"capacity.factor", "0.75"}, std::pair{"balance.alpha", "0.3"}, std::pair{"select.k", "2"},
        std::pair{"experts.granularity", "2"},
        // Some tokens are uncertain; some find nobody; what they find lacks strength.
        std::pair{"select.uncertainty", "0.5"}, std::pair{"router.live", "2"}, std::pair{"balance.least", "9"}})
    if (has_setting(card, number)) change_setting(card, number, value);
  return card;
}

}  // namespace

TEST_CASE("model/settings: every number of every card makes a difference to its models") {
  const sizes s = gmoe_test::small_sizes();
  std::size_t numbers = 0;
  for (const card_text& text : all_cards::texts) {
    any_card base = base_card(text.name);
    const std::string before = seen(s, base);
    for (const setting& number : settings_of(base)) {
      const std::string& path = number.path();
      INFO(text.name, ": ", path);
      bool differs = false;
      for (const std::string& other : others(number)) {
        any_card changed = base;
        try {
          change_setting(changed, path, other);
        } catch (const config_error&) {
          continue;  // out of the field's range
        }
        differs = differs || seen(s, changed) != before;
      }
      CHECK(differs == !is_beyond(text.name, path));
      ++numbers;
    }
  }
  CHECK(numbers > 40);
}

TEST_CASE("model/settings: sizes make a difference to exactly the models that use them") {
  const sizes base = gmoe_test::small_sizes();
  for (const card_text& text : all_cards::texts) {
    const any_card card = base_card(text.name);
    const std::string before = seen(base, card);
    const auto changes = [&](const char* field, bool expected, auto&& change) {
      sizes s = base;
      change(s);
      INFO(text.name, ": ", std::string(field));
      CHECK((seen(s, card) != before) == expected);
    };
    changes("experts", card.has_experts(), [](sizes& s) { s.experts += 1; });
    const bool of_single_units = text.name == "peer";
    changes("d_ff", !of_single_units, [](sizes& s) { s.d_ff *= 2; });
    changes("dropout", true, [](sizes& s) { s.dropout = 0.5; });
    changes("layer_norm_epsilon", true, [](sizes& s) { s.layer_norm_epsilon *= 2; });
  }
}

TEST_CASE("model/settings: a dense model has no numbers, and those of its card's other slots change nothing") {
  const sizes s = gmoe_test::small_sizes();
  dense_card card;
  each_setting(card, [](const setting& number) { FAIL(number.path()); });
  const std::string before = seen(s, any_card(card));
  card.select.k = 3;
  card.capacity.factor = 0.1;
  card.balance.alpha = 5;
  CHECK(seen(s, any_card(card)) == before);
  CHECK(gmoe_test::config_message([&] { change_setting(card, "select.k", "2"); }) ==
        "there is no number 'select.k' in the card dense; it has none");
}

TEST_CASE("model/settings: which numbers a card has") {
  CHECK(has_setting<with<gmoe_card, listed_blocks>>("placement.blocks"));
  CHECK(!has_setting<gmoe_card>("placement.blocks"));
  CHECK(has_setting<with<gmoe_card, joint_switch_loss>>("balance.alpha"));
  CHECK(!has_setting<with<gmoe_card, no_balance>>("balance.alpha"));
  CHECK(!has_setting<gmoe_card>("capacity.factor"));
  CHECK(has_setting<switch_card>("capacity.factor"));
  CHECK(has_setting<deepseek_moe_card>("experts.shared_experts"));
  CHECK(has_setting<with<switch_card, jittered<linear_router>>>("router.epsilon"));
  CHECK(!has_setting<dense_card>("select.k"));
}
