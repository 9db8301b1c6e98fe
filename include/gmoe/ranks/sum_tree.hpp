#pragma once
/// The fixed tree in which numbers are added up, whoever has computed them.
///
/// Leaves are numbered from 0. Neighbours are added, then neighbours of these sums, and so on; where their number is no
/// power of two, complete trees of decreasing size are left, which are added from the right:
///
///     5 leaves:  ((0 + 1) + (2 + 3)) + 4        7 leaves:  ((0 + 1) + (2 + 3)) + ((4 + 5) + 6)
///
/// So a sum depends on the number of leaves alone, not on who holds them: a rank that has consecutive ones adds up the
/// complete trees among them, and whoever gets these goes on.

#include <cstddef>
#include <utility>
#include <vector>

#include "gmoe/core/index.hpp"

namespace gmoe::ranks {

/// Consecutive leaves.
struct leaves {
  index_t first = 0, count = 0;
  bool operator==(const leaves&) const = default;
};

/// Those of a rank, of `all`: as many for each, up to one. Some have none where there are more ranks than leaves.
inline leaves share(index_t all, int rank, int ranks) {
  const index_t first = all * rank / ranks;
  return {first, all * (rank + 1) / ranks - first};
}

/// Adds up leaves that come in order, or complete trees of them, in the fixed tree. `T` is what is added.
template <class T>
class sum_tree {
 public:
  struct part {
    leaves of;
    T sum;
  };

  /// Takes the next one. `add(T& to, T& right)` adds `right`, which is not used any more, to `to`.
  void push(leaves of, T sum, const auto& add) {
    parts_.push_back({of, std::move(sum)});
    while (parts_.size() > 1 && siblings(parts_[parts_.size() - 2].of, parts_.back().of)) add_last(add);
  }
  /// The complete trees so far, in order.
  std::vector<part>& parts() { return parts_; }
  const std::vector<part>& parts() const { return parts_; }
  /// Adds these up: one is left, or none if nothing came.
  void finish(const auto& add) {
    while (parts_.size() > 1) add_last(add);
  }
  void clear() { parts_.clear(); }

 private:
  static bool siblings(leaves left, leaves right) {
    return left.count == right.count && left.first % (2 * left.count) == 0;
  }
  void add_last(const auto& add) {
    part& left = parts_[parts_.size() - 2];
    add(left.sum, parts_.back().sum);
    left.of.count += parts_.back().of.count;
    parts_.pop_back();
  }

  std::vector<part> parts_;
};

/// The complete trees that a rank is left with.
inline std::vector<leaves> trees_of(leaves mine) {
  struct nothing {};
  sum_tree<nothing> all;
  for (index_t leaf = mine.first; leaf < mine.first + mine.count; ++leaf)
    all.push({leaf, 1}, {}, [](nothing&, nothing&) {});
  std::vector<leaves> trees;
  for (const auto& p : all.parts()) trees.push_back(p.of);
  return trees;
}

}  // namespace gmoe::ranks
