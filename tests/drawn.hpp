#pragma once
/// What models draw in tests, for references: the numbers of docs/checkpoints.md by their names there, from the streams
/// that the library documents.

#include <cmath>
#include <stdexcept>
#include <string>

#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/nn/context.hpp"

namespace gmoe_test {

/// Of every pass in tests.
inline const gmoe::random_stream step_random{77};

/// The number with so much of the normal distribution below it, by halving.
inline double quantile_of(double below) {
  double low = -10, high = 10;
  for (int i = 0; i < 100; ++i)
    (std::erfc(-(low + high) / 2 / std::sqrt(2.0)) / 2 < below ? low : high) = (low + high) / 2;
  return low;
}

/// Number `index` of what block `block` draws under that name, "round1/..." in a form's second round.
inline double drawn(const std::string& what, std::size_t block, std::size_t index) {
  const auto stream = [&](gmoe::random_site site, std::size_t round = 0) {
    const gmoe::random_stream random =
        round == 0 ? step_random : step_random.fork("round").fork(static_cast<std::uint64_t>(round));
    return random.fork(static_cast<std::uint64_t>(block)).fork(static_cast<std::uint64_t>(site));
  };
  const auto between = [&](double low, double high, const gmoe::random_stream& random) {
    return gmoe::fn::uniform_between<double>{low, high}(random.word(index));
  };
  if (what == "router_noise") return quantile_of(stream(gmoe::random_site::router).word(index) * 0x1.0p-32);
  if (what == "gumbel_draws") return between(1e-6, 1 - 1e-6, stream(gmoe::random_site::router));
  if (what == "expert_draws") return between(0, 1, stream(gmoe::random_site::router));
  if (what == "second_choice_draw") return stream(gmoe::random_site::capacity).fork(std::uint64_t{1}).uniform(index);
  if (what == "capacity_order") return between(0, 1, stream(gmoe::random_site::capacity));
  if (what == "resting_experts") return between(0, 1, stream(gmoe::random_site::selection));
  if (what == "candidates_draw") return between(0, 1, stream(gmoe::random_site::selection).fork("candidates"));
  const std::string name = "selection_draw";
  if (what.ends_with(name)) {
    const bool first = what == name;  // else "round1/selection_draw", and so on
    const auto round = first ? 0 : std::stoul(what.substr(std::string("round").size()));
    return stream(gmoe::random_site::selection, round).uniform(index);
  }
  throw std::invalid_argument("nobody draws " + what);
}

}  // namespace gmoe_test
