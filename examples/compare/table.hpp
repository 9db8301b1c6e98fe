#pragma once
/// The end of a comparison: means over the seeds, and tables for the terminal.

#include <span>
#include <string>
#include <vector>

#include "plan.hpp"

namespace compare {

/// One object per variant, in the order of `runs`: `variant`, `seeds`, and for every number the objects {"mean",
/// "deviation"}: the mean over seeds and the sample standard deviation (null for one seed). A value that is null in the
/// runs stays null. Accuracies also have the ends of Wilson's interval of their mean, "low" and "high", and how many
/// "questions" they are of.
json summarize_runs(const std::vector<json>& runs);

/// Adds `common_blocks` metrics to every run with paths: those of the blocks in which all variants route, the only ones
/// that compare between variants. Returns the blocks; none where variants have nothing in common or none routes.
std::vector<index_t> add_common_paths(std::vector<json>& runs);

/// The tables of an assembled comparison (comparison.hpp), as text.
std::string tables(const json& comparison);

}  // namespace compare
