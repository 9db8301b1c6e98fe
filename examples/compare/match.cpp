#include "match.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace compare {

namespace {

struct candidate {
  index_t value, count;
};

/// The value of `field` whose count is closest to the target. Counts grow with the value; values that make no model
/// (too few experts for top-k, a width that cannot be split) are stepped over.
std::optional<candidate> closest(const gmoe::sizes& shape, index_t gmoe::sizes::*field, index_t target,
                                 const counter& count) {
  const auto at = [&](index_t value) {
    gmoe::sizes s = shape;
    s.*field = value;
    return count(s);
  };
  // The next value from `from` on, up to `end`, that makes a model.
  const auto next = [&](index_t from, index_t end) -> std::optional<candidate> {
    for (index_t v = from; v < std::min(end, from + 256); ++v)
      if (const auto c = at(v)) return candidate{v, *c};
    return std::nullopt;
  };
  auto low = next(1, index_t{1} << 20);
  if (!low) return std::nullopt;
  std::optional<candidate> high;
  for (index_t v = low->value * 2;; v *= 2) {
    high = next(v, index_t{1} << 24);
    if (!high || high->count >= target) break;
    low = high;
  }
  if (!high || high->count == low->count) return low;
  // low is below the target (or the smallest of all), high is not; nothing in [end, high) makes a model.
  for (index_t end = high->value; end - low->value > 1;) {
    const index_t middle = low->value + (end - low->value) / 2;
    const auto found = next(middle, end);
    if (found && found->count < target) {
      low = found;
    } else {
      if (found) high = found;
      end = middle;
    }
  }
  return std::abs(low->count - target) <= std::abs(high->count - target) ? low : high;
}

}  // namespace

json match_sizes(gmoe::sizes& shape, match_kind kind, index_t target, const counter& count) {
  const auto now = count(shape);
  if (kind == match_kind::none || !now || *now == target) return nullptr;
  struct option {
    const char* name;
    index_t gmoe::sizes::*field;
    candidate best;
  };
  std::optional<option> chosen;
  const auto distance = [&](index_t reached) { return std::abs(reached - target); };
  const auto consider = [&](const char* name, index_t gmoe::sizes::*field) {
    if (const auto best = closest(shape, field, target, count))
      if (distance(best->count) < distance(chosen ? chosen->best.count : *now)) chosen = option{name, field, *best};
  };
  if (kind == match_kind::total) consider("experts", &gmoe::sizes::experts);
  if (!chosen || distance(chosen->best.count) > target / 100) consider("d_ff", &gmoe::sizes::d_ff);
  if (!chosen) return nullptr;
  const index_t before = std::exchange(shape.*chosen->field, chosen->best.value);
  return {{"field", chosen->name},
          {"from", before},
          {"to", chosen->best.value},
          {"target", target},
          {"reached", chosen->best.count}};
}

}  // namespace compare
