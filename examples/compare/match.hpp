#pragma once
/// Sizes at which variants have about equally many parameters.

#include <functional>
#include <optional>

#include "plan.hpp"

namespace compare {

enum class match_kind { none, total, active };

/// Parameters, total or active, that the sizes would give; nothing where they make no model.
using counter = std::function<std::optional<index_t>(const gmoe::sizes&)>;

/// Changes one size so that `count` comes as close to `target` as whole numbers allow: the number of experts to match
/// total parameters, if that comes within 1 %; else d_ff, or whichever of the two comes nearer. Returns what was done,
/// for the result; null if nothing was.
json match_sizes(gmoe::sizes& shape, match_kind kind, index_t target, const counter& count);

}  // namespace compare
