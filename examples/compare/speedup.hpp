#pragma once
/// How much sooner variants get where a baseline gets, by the baseline's learning curve.

#include <string>
#include <vector>

#include "plan.hpp"

namespace compare {

/// The first losses of a run fall by another law than the rest: the curve begins after this share of the steps.
inline constexpr double fitted_from = 0.3;

/// {"baseline", "curve": L = limit + scale C^-exponent with C in tokens, fitted to the validation losses of all of its
/// seeds from `fitted_from` of the steps on (limit, scale, exponent, residual, first, last, points), or null,
/// "variants": for each
/// {"variant", "loss", "tokens": the mean at the end, "factor": how many times these tokens the baseline needs by its
/// curve, "extrapolated": beyond what the curve was fitted to, "flops_factor", "seconds_factor": the same in operations
/// and seconds, "within": the last point of the variant's own curve for which nothing is extrapolated, {"tokens",
/// "loss", "factor"}, or null, "within_residual": the loss is no further from the baseline's than the fit's residual};
/// factors are null where the baseline never gets there, as its curve has it}.
json speedups_over(const std::string& baseline, const std::vector<json>& runs);

}  // namespace compare
