#pragma once
/// All variants for --list: what there is, by the question that moves.

#include <nlohmann/json.hpp>
#include <string>

namespace examples {

/// A heading per group with its question, two lines per variant: name and paper, and what it is. Fits into 100 columns.
std::string list_text();

/// The same and more as JSON:
///
///     {"groups": [{"name", "question", "variants": [names]}],
///      "changes_from": "smoe",
///      "variants": [{"name", "group", "summary", "paper", "status": "from the paper", "reconstructed" or "no paper",
///                    "changes": [{"slot", "policy", "numbers": {name: value}}],
///                    "reach": {"training", "evaluation"}}]}
///
/// where `changes` are the slots whose policy or numbers are not those of `changes_from`.
nlohmann::json list_json();

}  // namespace examples
