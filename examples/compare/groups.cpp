#include "groups.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "../session/listing.hpp"
#include "../session/session.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/model/registry.hpp"

namespace compare {

const std::vector<variant_group>& groups() {
  static const std::vector<variant_group> all = [] {
    std::vector<variant_group> g{
        {"paper",
         "GMoE and the models that its paper compares it with",
         {"gmoe", "switch", "gshard", "smoe", "hash", "deepseek-moe", "dense"}},
        {"ablations", "GMoE and everything that leaves a part of it out", {}},
        {"demo", "a small choice for a first look", {"gmoe", "switch", "dense", "gmoe-no-logits"}},
        {"all", "every variant", {}}};
    for (const examples::variant_entry& v : examples::all_variants()) {
      if (v.name == "gmoe" || v.name.starts_with("gmoe-")) g[1].members.push_back(v.name);
      g[3].members.push_back(v.name);
    }
    return g;
  }();
  return all;
}

const std::vector<variant_group>& families() {
  static const std::vector<variant_group> all = [] {
    std::vector<variant_group> g;
    for (const gmoe::card_group& family : gmoe::all_cards::groups) {
      g.push_back({std::string(family.name), std::string(family.question), {}});
      for (const gmoe::card_text& card : family.cards) g.back().members.emplace_back(card.name);
    }
    return g;
  }();
  return all;
}

namespace {

constexpr std::string_view group_prefix = "group:";

const variant_group* find_in(const std::vector<variant_group>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const variant_group& g) { return g.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// What `group:NAME` names.
const variant_group& group_named(std::string_view name) {
  for (const auto* all : {&families(), &groups()})
    if (const variant_group* found = find_in(*all, name)) return *found;
  std::vector<std::string_view> names;
  for (const auto* all : {&families(), &groups()})
    for (const variant_group& g : *all) names.push_back(g.name);
  throw gmoe::config_error(gmoe::concat("there is no group '", name, "'; did you mean '", group_prefix,
                                        gmoe::nearest_name(name, names), "'? --list shows them all"));
}

/// The members of the group that a word names, the word itself if it is a variant.
std::vector<std::string> members_of(const std::string& word, const std::vector<examples::variant_entry>& known) {
  if (word.starts_with(group_prefix)) return group_named(std::string_view(word).substr(group_prefix.size())).members;
  if (const variant_group* group = find_in(groups(), word)) return group->members;
  std::vector<std::string> names;
  for (const auto& v : known) names.push_back(v.name);
  if (std::find(names.begin(), names.end(), word) != names.end()) return {word};
  for (const auto& g : groups()) names.push_back(g.name);
  const std::string hint =
      find_in(families(), word) ? gmoe::concat(group_prefix, word) : std::string(gmoe::nearest_name(word, names));
  throw gmoe::config_error(
      gmoe::concat("there is no variant '", word, "'; did you mean '", hint, "'? --list shows them all"));
}

}  // namespace

std::vector<std::string> expand(const std::vector<std::string>& words) {
  const std::vector<examples::variant_entry> known = examples::all_variants();
  std::vector<std::string> chosen;
  for (const std::string& word : words)
    for (const std::string& name : members_of(word, known))
      if (std::find(chosen.begin(), chosen.end(), name) == chosen.end()) chosen.push_back(name);
  gmoe::require(!chosen.empty(), "no variant was named; --list shows them all");
  return chosen;
}

std::string list_text() {
  std::string text = examples::list_text() + "\nGroups for --variants:\n";
  const auto line = [&](std::string name, const std::string& about, std::size_t variants) {
    name.resize(std::max<std::size_t>(name.size() + 2, 24), ' ');
    text += gmoe::concat("  ", name, about, variants == 0 ? "" : gmoe::concat(" (", variants, ")"), "\n");
  };
  for (const variant_group& g : groups()) line(g.name, g.about, g.members.size());
  line("group:NAME", "the variants below a heading of this list, such as group:" + families().front().name, 0);
  return text;
}

nlohmann::json list_json() {
  nlohmann::json all = examples::list_json(), chosen = nlohmann::json::array();
  for (const variant_group& g : groups())
    chosen.push_back({{"name", g.name}, {"about", g.about}, {"variants", g.members}});
  all["chosen_groups"] = std::move(chosen);
  return all;
}

}  // namespace compare
