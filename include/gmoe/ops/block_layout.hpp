#pragma once
/// Which rows of a stacked matrix belong to which group.

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "gmoe/backend/groups.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/ops/experts.hpp"

namespace gmoe {

/// Blocks of rows of stacked matrices, one for each group, such as the experts that a layer sees of a bank. Copies are
/// cheap and keep what they point into, wherever the model has gone by the time of a backward pass.
class block_layout {
 public:
  /// Blocks of these heights, one below the other; group g has block visible[g]. Every block at most once.
  block_layout(const std::vector<index_t>& heights, const std::vector<id_type>& visible)
      : block_layout(std::make_shared<const numbers>(heights, visible)) {}
  /// Group g has the g-th block.
  explicit block_layout(const std::vector<index_t>& heights) : block_layout(heights, first_numbers(heights.size())) {}
  /// Blocks of one height.
  static block_layout equal(index_t groups, index_t height) {
    return block_layout(std::vector<index_t>(static_cast<std::size_t>(groups), height));
  }
  /// Experts as a layer sees them: block e is the hidden units of expert e.
  template <class B>
  block_layout(const expert_layout<B>& e)
      : first_row_(e.first_unit), visible_(e.visible), groups_(e.experts), widest_(e.widest), owners_(e.owners) {}

  index_t groups() const { return groups_; }
  /// The largest height of a group's block: as many columns have what is multiplied with, or comes from, blocks.
  index_t widest() const { return widest_; }
  index_t height(index_t g) const { return first_row_[visible_[g] + 1] - first_row_[visible_[g]]; }

  template <class T>
  block_view<T> over(matrix_view<T> stacked) const {
    return {stacked, first_row_, visible_, widest_};
  }
  /// True if the groups' blocks are all of a stacked matrix of `rows` rows.
  bool is_whole(index_t rows) const {
    for (index_t g = 0; g < groups_; ++g) rows -= height(g);
    return rows == 0;
  }
  /// One past the last row that belongs to a group.
  index_t end() const {
    index_t last = 0;
    for (index_t g = 0; g < groups_; ++g) last = std::max(last, first_row_[visible_[g] + 1]);
    return last;
  }

 private:
  struct numbers {
    numbers(const std::vector<index_t>& heights, std::vector<id_type> v) : first_row{0}, visible(std::move(v)) {
      for (const index_t height : heights) {
        require(height >= 0, "block_layout: a block of ", height, " rows");
        first_row.push_back(first_row.back() + height);
      }
      std::vector<bool> seen(heights.size());
      for (const id_type b : visible) {
        require(b >= 0 && b < std::ssize(heights), "block_layout: block ", b, " of ", heights.size());
        const auto block = static_cast<std::size_t>(b);
        require(!seen[block], "block_layout: block ", b, " is listed twice, expected every block at most once");
        seen[block] = true;
        widest = std::max(widest, heights[block]);
      }
    }
    std::vector<index_t> first_row;
    std::vector<id_type> visible;
    index_t widest = 0;
  };
  explicit block_layout(std::shared_ptr<const numbers> n)
      : first_row_(n->first_row.data()),
        visible_(n->visible.data()),
        groups_(std::ssize(n->visible)),
        widest_(n->widest),
        owners_{std::move(n), nullptr} {}
  static std::vector<id_type> first_numbers(std::size_t count) {
    std::vector<id_type> list(count);
    std::iota(list.begin(), list.end(), id_type{0});
    return list;
  }

  const index_t* first_row_;
  const id_type* visible_;
  index_t groups_, widest_;
  std::array<std::shared_ptr<const void>, 2> owners_;
};

}  // namespace gmoe
