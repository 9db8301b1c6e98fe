#pragma once
/// What a run's result file must hold: the comparison, its tables and its report read it without asking again.

#include <string>

#include "plan.hpp"

namespace compare {

/// What the settings of a result say of its form.
inline constexpr const char* run_format = "gmoe comparison run 3";

/// Throws file_error, beginning with `where` and naming the field, unless `result` has everything that run_variant
/// puts into it, in its range; the paths are those of at most `most_tokens` tokens.
void check_result(const json& result, index_t most_tokens, const std::string& where);

/// The same of a whole comparison: what merging it with others and its tables read, in its range.
void check_comparison(const json& comparison, const std::string& where);

}  // namespace compare
