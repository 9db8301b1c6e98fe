#pragma once
/// Which differences between variants stand out from the noise of their seeds.

#include <string>
#include <vector>

#include "plan.hpp"

namespace compare {

/// The probability with which an interval holds the true difference.
inline constexpr double interval_level = 0.95;

/// By how much the validation loss of the demo's models differs from seed to seed, in nats per byte: the largest of the
/// standard deviations that were measured (docs/reproduce.md). All that a comparison with one seed can say of its
/// noise.
inline constexpr double usual_deviation = 0.02;

/// The keys of the losses on further texts that a run has, or a row of a summary.
std::vector<std::string> losses_on_texts(const std::vector<json>& runs);

/// A number of which more (+1) or less (-1) is better.
struct judged_number {
  std::string key;
  int better;
};
/// Losses, on further texts too, speed, memory, evenness of the load, and accuracies.
std::vector<judged_number> judged_numbers(const std::vector<json>& runs);

/// One object per pair of variants, in the order of `runs`: `a`, `b`, and for every judged number that both have the
/// paired difference b - a over the seeds that both have: {"seeds", "mean", "deviation", "low", "high", "verdict"},
/// where the verdict is "better" (b is), "worse" or "noise". Deviation and interval are null for one seed. Accuracies
/// have an interval over the questions beside that over the seeds, "question_low" and "question_high", and a difference
/// is noise within either: seeds that happen to agree on a handful of questions prove nothing.
json paired_differences(const std::vector<json>& runs);

/// Adds `verdicts` to every row of a summary: for every judged number "best" (better than every other variant, beyond
/// the noise), "tied" (the best mean, or within noise of it) or "behind"; null where there is nothing to compare, or
/// only one seed.
void add_verdicts(json& summary, const json& differences);

/// b - a, of these two in this order; null if the runs have no such pair.
json difference_of(const json& differences, const std::string& a, const std::string& b, const std::string& key);

}  // namespace compare
