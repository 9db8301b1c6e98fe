#pragma once
/// From what was asked for to the runs of a comparison: who has which sizes and how many steps.

#include <functional>
#include <string>
#include <vector>

#include "plan.hpp"

namespace compare {

/// What all variants of a comparison have as much of. Sizes and steps that bring it about are those of the first
/// variant for itself; others differ in one number, to within `match_tolerance` where whole numbers allow.
enum class equality {
  tokens,      ///< of training: the same steps
  flops,       ///< of training, counted: other steps
  seconds,     ///< of training, as measured on a few steps: other steps
  parameters,  ///< all: another number of experts, or another d_ff
  active       ///< parameters that a token meets: another d_ff
};

inline constexpr double match_tolerance = 0.01;

/// "tokens", ...
std::string name_of(equality what);
/// Throws config_error for an unknown name.
equality equality_named(const std::string& name);
const std::vector<std::string>& equality_names();

struct comparison_request {
  std::vector<std::string> variants;
  examples::settings settings;  ///< of --set: each for the variants that have the number
  equality equal = equality::tokens;
  bool dense_baseline = true;  ///< the variant `dense` is always there, with as many active parameters as the first
  std::uint64_t seeds = 3;
  run_plan start;  ///< the rest of every plan
};

/// Seconds per training step of a plan.
using stopwatch = std::function<double(const run_plan&)>;

/// Every run, seed by seed, so that what an interruption leaves are whole pairs. A mistake shows here, before the first
/// is trained: config_error.
std::vector<run_plan> make_plans(const comparison_request& request, const stopwatch& seconds_per_step);

/// What `match` of a plan says, in a line: "dense: d_ff = 1027 instead of 512, for 1376256 active parameters".
std::string match_text(const run_plan& plan);

}  // namespace compare
