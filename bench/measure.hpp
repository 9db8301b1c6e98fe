#pragma once
/// Times with their spread, on a machine that others use too: candidates run in turns, the median is reported.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <vector>

namespace gmoe::bench {

/// Median and quartiles of a sample.
struct summary {
  double median = 0, low = 0, high = 0;
  /// Half the distance between the quartiles, as a share of the median.
  double spread() const { return median > 0 ? (high - low) / (2 * median) : 0; }
};

inline summary summarise(std::vector<double> sample) {
  std::sort(sample.begin(), sample.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(sample.size() - 1);
    const auto i = static_cast<std::size_t>(place);
    const double next = i + 1 < sample.size() ? sample[i + 1] : sample[i];
    return sample[i] + (place - std::floor(place)) * (next - sample[i]);
  };
  return {at(0.5), at(0.25), at(0.75)};
}

/// Wall seconds of one call.
template <class F>
double seconds_of(const F& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Wall seconds per call, from as many calls as fill `at_least` seconds.
template <class F>
double seconds_per_call(const F& f, double at_least) {
  for (int calls = 1;; calls *= 2) {
    const double seconds = seconds_of([&] {
      for (int i = 0; i < calls; ++i) f();
    });
    if (seconds >= at_least || calls >= 1 << 24) return seconds / calls;
  }
}

/// Seconds per call of each candidate, one sample per round: A B C A B C ... after one call each to warm up.
inline std::vector<std::vector<double>> in_turns(int rounds, const std::vector<std::function<void()>>& candidates,
                                                 double at_least = 0.0) {
  for (const auto& f : candidates) f();
  std::vector<std::vector<double>> samples(candidates.size());
  for (int r = 0; r < rounds; ++r)
    for (std::size_t i = 0; i < candidates.size(); ++i) samples[i].push_back(seconds_per_call(candidates[i], at_least));
  return samples;
}

/// The ratio a : b of two candidates that ran in turns, as the summary of the rounds' ratios.
inline summary ratio_of(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) ratios.push_back(a[i] / b[i]);
  return summarise(std::move(ratios));
}

}  // namespace gmoe::bench
