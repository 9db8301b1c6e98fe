#pragma once
/// Which variants to compare: names, groups, or a list of both.

#include <string>
#include <vector>

namespace compare {

/// A name for several variants.
struct variant_group {
  std::string name, about;
  std::vector<std::string> members;
};

/// paper, ablations, demo, all.
const std::vector<variant_group>& groups();

/// The variants that `words` (variants and groups) name, each once, in the order given. Throws config_error for an
/// unknown word, with the nearest known one.
std::vector<std::string> expand(const std::vector<std::string>& words);

/// Every variant and group, for --list.
std::string list_text();

}  // namespace compare
