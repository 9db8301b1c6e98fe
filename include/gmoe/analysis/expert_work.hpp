#pragma once
/// How much experts of different widths compute, and where: pairs times hidden units.

#include <algorithm>
#include <numeric>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/moe/findings.hpp"

namespace gmoe {

/// What one pass, or several, made experts compute; all layers together.
struct expert_work {
  double units_per_token = 0;  ///< hidden units that a token meets: its active parameters over those of one unit
  std::vector<double> homes;   ///< hidden units, times tokens, of every home of the pool, such as a device

  /// The busiest home's work over the mean: how much longer than needed a step takes where every home is a device.
  double overload() const {
    return *std::max_element(homes.begin(), homes.end()) * static_cast<double>(homes.size()) /
           std::accumulate(homes.begin(), homes.end(), 0.0);
  }
};

/// Of the pairs that were kept. Throws data_error if no token was routed or nobody computed anything.
template <class B>
expert_work measure_work(const findings<B>& pass) {
  expert_work work;
  for (const routing<B>& r : pass.routings) {
    const index_t tokens = r.valid.among(r.kept.rows()) / r.rows_per_token;
    double units = 0;
    for (const id_type e : r.kept.to_host()) {
      if (e == no_choice) continue;
      const auto at = static_cast<std::size_t>(e);
      const auto home = static_cast<std::size_t>(r.pool->homes[at]);
      if (work.homes.size() <= home) work.homes.resize(home + 1);
      work.homes[home] += static_cast<double>(r.pool->widths[at]);
      units += static_cast<double>(r.pool->widths[at]);
    }
    if (tokens > 0) work.units_per_token += units / static_cast<double>(tokens);
  }
  require<data_error>(work.units_per_token > 0, "expert_work: no expert has computed anything for any token");
  return work;
}

}  // namespace gmoe
