#include "listing.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gmoe/core/text.hpp"
#include "models.hpp"

namespace examples {

namespace {

using nlohmann::json;

/// The usual mixture: what is unusual about the others is said against it.
constexpr std::string_view usual_variant = gmoe::text_of<gmoe::smoe_card>.name;

/// Each slot of a variant with its policy and its numbers.
std::vector<json> slots_of(std::string_view variant) {
  gmoe::any_card card = gmoe::make_card(variant);
  std::vector<json> all;
  for (const gmoe::slot_answer& a : card.answers()) {
    json numbers = json::object();
    const std::string within = std::string(a.slot) + ".";
    for (const gmoe::setting& s : card.settings())
      if (s.path().starts_with(within))
        std::visit([&](const auto& value) { numbers[s.path().substr(within.size())] = value; }, s.value());
    all.push_back({{"slot", a.slot}, {"policy", a.policy}, {"numbers", std::move(numbers)}});
  }
  return all;
}

json changes_of(std::string_view variant) {
  static const std::vector<json> usual = slots_of(usual_variant);
  json changes = json::array();
  for (json& slot : slots_of(variant))
    if (std::find(usual.begin(), usual.end(), slot) == usual.end()) changes.push_back(std::move(slot));
  return changes;
}

json variant_json(const gmoe::card_text& text, std::string_view group) {
  const gmoe::any_card card = gmoe::make_card(text.name);
  return {{"name", text.name},
          {"group", group},
          {"summary", text.summary},
          {"paper", text.paper},
          {"status", gmoe::status(text)},
          {"changes", changes_of(text.name)},
          {"reach",
           {{"training", gmoe::to_text(card.reach(true).how)}, {"evaluation", gmoe::to_text(card.reach(false).how)}}}};
}

}  // namespace

std::string list_text() {
  std::string text;
  for (const gmoe::card_group& group : gmoe::all_cards::groups) {
    text += gmoe::concat(group.name, ": ", group.question, "\n");
    for (const gmoe::card_text& card : group.cards) {
      std::string name = "  " + std::string(card.name);
      name.resize(std::max<std::size_t>(name.size() + 2, 26), ' ');
      text += gmoe::concat(name, card.paper.empty() ? "-" : gmoe::citation(card), "\n      ", card.summary, "\n");
    }
    text += "\n";
  }
  return text + "Written from papers or their authors' code, unless it says reconstructed.\n";
}

json list_json() {
  json groups = json::array(), variants = json::array();
  for (const gmoe::card_group& group : gmoe::all_cards::groups) {
    json names = json::array();
    for (const gmoe::card_text& card : group.cards) {
      names.push_back(card.name);
      variants.push_back(variant_json(card, group.name));
    }
    groups.push_back({{"name", group.name}, {"question", group.question}, {"variants", std::move(names)}});
  }
  return {{"groups", std::move(groups)}, {"changes_from", usual_variant}, {"variants", std::move(variants)}};
}

}  // namespace examples
