#pragma once
/// Which variants to compare: names, groups, or a list of both.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace compare {

/// A name for several variants.
struct variant_group {
  std::string name, about;
  std::vector<std::string> members;
};

/// Groups that are chosen for comparisons: paper, ablations, demo, all.
const std::vector<variant_group>& groups();

/// The library's groups of cards, by the question that moves. Some have the name of a variant.
const std::vector<variant_group>& families();

/// The variants that `words` name, each once, in the order given: variants, names of groups(), and `group:NAME` for any
/// group. Throws config_error for an unknown word, with the nearest known one.
std::vector<std::string> expand(const std::vector<std::string>& words);

/// Every variant and group, for --list.
std::string list_text();

/// The same as examples::list_json() has it, and `chosen_groups`: [{"name", "about", "variants": [names]}].
nlohmann::json list_json();

}  // namespace compare
