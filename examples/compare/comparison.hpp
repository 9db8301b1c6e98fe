#pragma once
/// A comparison as one object: what the tables, the report and the JSON file show.

#include <string>
#include <vector>

#include "plan.hpp"

namespace compare {

inline constexpr const char* comparison_format = "gmoe comparison 2";

/// Adds to `head` what follows from the runs: `seeds` (the most that a variant has), `differences`, `summary` with its
/// verdicts, `speedup`, and the runs themselves, all seeds of one variant together. The baseline of the speedup is
/// `dense` where there is one, else the first variant.
json assemble(json head, std::vector<json> runs);

/// Several comparisons of the same text, sizes, recipe and tasks as one, as if all runs had been made together. Equal
/// runs count once. Throws data_error if two do not fit together, naming what differs, and file_error if one is not
/// whole; `names` are those of the files.
json merge(const std::vector<json>& comparisons, const std::vector<std::string>& names);

/// One line per run and a head: what a spreadsheet reads.
std::string csv_text(const json& comparison);

}  // namespace compare
