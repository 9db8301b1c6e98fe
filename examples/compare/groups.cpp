#include "groups.hpp"

#include <algorithm>

#include "../session/session.hpp"
#include "gmoe/core/nearest_name.hpp"

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

std::vector<std::string> expand(const std::vector<std::string>& words) {
  std::vector<std::string> chosen;
  const auto add = [&](const std::string& name) {
    if (std::find(chosen.begin(), chosen.end(), name) == chosen.end()) chosen.push_back(name);
  };
  const std::vector<examples::variant_entry> known = examples::all_variants();
  for (const std::string& word : words) {
    const auto group = std::find_if(groups().begin(), groups().end(), [&](const auto& g) { return g.name == word; });
    if (group != groups().end()) {
      for (const std::string& name : group->members) add(name);
      continue;
    }
    std::vector<std::string_view> names;
    for (const auto& v : known) names.push_back(v.name);
    for (const auto& g : groups()) names.push_back(g.name);
    gmoe::require(std::any_of(known.begin(), known.end(), [&](const auto& v) { return v.name == word; }),
                  "there is no variant '", word, "'; did you mean '", gmoe::nearest_name(word, names),
                  "'? --list shows them all");
    add(word);
  }
  gmoe::require(!chosen.empty(), "no variant was named; --list shows them all");
  return chosen;
}

std::string list_text() {
  std::string text;
  const auto line = [&](std::string first, std::string second, const std::string& third) {
    first.resize(std::max<std::size_t>(first.size() + 2, 22), ' ');
    second.resize(std::max<std::size_t>(second.size() + 2, 30), ' ');
    text += first + second + third + "\n";
  };
  for (const auto& v : examples::all_variants()) line(v.name, v.paper.empty() ? "-" : v.paper, v.about);
  text += "\nGroups:\n";
  for (const variant_group& g : groups()) line(g.name, std::to_string(g.members.size()) + " variants", g.about);
  return text;
}

}  // namespace compare
