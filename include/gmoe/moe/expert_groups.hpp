#pragma once
/// Neighbouring experts of a pool in groups of equally many, which share something.

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/moe/bank.hpp"

namespace gmoe {

/// Expert e of the pool is in group e / size. Layers see whole groups.
class expert_groups {
 public:
  /// Groups of `each` experts; 0: of all that a layer sees. Throws config_error, calling the number `name`, where a
  /// layer would see a part of a group.
  expert_groups(const pool_shape& pool, index_t each, const char* name) {
    const index_t layer = pool.of_a_layer > 0 ? pool.of_a_layer : pool.experts();
    size_ = each == 0 ? layer : each;
    require(layer % size_ == 0 && pool.experts() % size_ == 0, "a layer's ", layer, " of ", pool.experts(),
            " experts are no whole groups of ", name, " = ", size_);
    count_ = pool.experts() / size_;
    auto layers = std::make_shared<std::vector<std::shared_ptr<const seen>>>();
    for (index_t first = 0; first + layer <= pool.experts(); first += layer) {
      std::vector<id_type> experts(static_cast<std::size_t>(layer));
      std::iota(experts.begin(), experts.end(), static_cast<id_type>(first));
      layers->push_back(look(experts));
    }
    layers_ = std::move(layers);
  }

  index_t size() const { return size_; }    ///< experts of each
  index_t count() const { return count_; }  ///< groups of the whole pool
  /// A layer's experts are one group.
  bool one_in_a_layer() const { return layers_->front()->ids->size() == 1; }

  /// The groups of the experts that a layer sees.
  struct seen {
    std::vector<id_type> experts;  ///< the pool's numbers of these
    expert_list ids;               ///< the pool's numbers of the groups
    std::vector<id_type> numbers;  ///< of every expert: the place of its group in `ids`
    std::vector<id_type> first;    ///< of every group: the place of its first expert, and how many experts there are

    index_t count() const { return std::ssize(*ids); }
    /// Experts of a group are neighbours.
    bool in_order() const { return std::is_sorted(numbers.begin(), numbers.end()); }
  };
  /// Where layers see one part of the pool after the other, this is only looked up.
  std::shared_ptr<const seen> among(const std::vector<id_type>& experts) const {
    for (const auto& l : *layers_)
      if (l->experts == experts) return l;
    return look(experts);
  }
  /// The group whose experts a layer sees, all of them and in order. Throws config_error, calling the body `what`, if
  /// it sees others.
  index_t only(const std::vector<id_type>& experts, index_t block, const char* what) const {
    const index_t group = experts.front() / size_;
    bool whole = std::ssize(experts) == size_;
    for (std::size_t e = 0; e < experts.size(); ++e) whole &= experts[e] == group * size_ + static_cast<index_t>(e);
    require(whole, "block ", block, ": ", what, " of a layer belong together, but it does not see just those of one");
    return group;
  }

  /// Nothing here is trained.
  template <class B>
  void list(kept_list<B>&) {}

 private:
  std::shared_ptr<const seen> look(const std::vector<id_type>& experts) const {
    auto all = std::make_shared<seen>();
    std::vector<id_type> ids;
    for (const id_type e : experts) {
      const auto group = static_cast<id_type>(e / size_);
      auto found = std::find(ids.begin(), ids.end(), group);
      if (found == ids.end()) {
        found = ids.insert(found, group);
        all->first.push_back(static_cast<id_type>(all->numbers.size()));
      }
      all->numbers.push_back(static_cast<id_type>(found - ids.begin()));
    }
    all->first.push_back(static_cast<id_type>(experts.size()));
    all->experts = experts;
    all->ids = std::make_shared<const std::vector<id_type>>(std::move(ids));
    return all;
  }

  index_t size_ = 1, count_ = 0;
  std::shared_ptr<const std::vector<std::shared_ptr<const seen>>> layers_;  ///< of every layer that has its own part
};

}  // namespace gmoe
