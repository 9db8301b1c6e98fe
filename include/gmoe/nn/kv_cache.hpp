#pragma once
/// What has been read of a sequence, so that it can go on: keys and values, and what policies keep beside them.

#include <memory>
#include <vector>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/recycled.hpp"

namespace gmoe {

/// What policies keep from position to position: for every owner, layer and round one thing, whose type the owner
/// knows. A copy is a snapshot.
class sequence_memory {
 public:
  /// What was left at position `length`, for a pass over `fresh` more tokens to change; at position 0 a new one. A pass
  /// that fails has changed nothing: at the same position the same comes again. Throws config_error for a position that
  /// is neither the end of what was read nor the start.
  template <class T>
  std::shared_ptr<T> reopen(const void* owner, index_t layer, index_t round, index_t length, index_t fresh) {
    entry& e = find(owner, layer, round);
    if (length == 0) {
      e.now = std::allocate_shared<T>(recycling_allocator<T>{});
    } else if (e.next_at == length) {
      e.now = std::move(e.next);
    } else {
      require(e.now_at == length, "a policy remembers the ", e.next_at > 0 ? e.next_at : e.now_at,
              " tokens that were read, but the sequence goes on after ", length,
              "; it can go on from their end, or begin anew");
    }
    e.now_at = length;
    e.next_at = length + fresh;
    auto next = std::allocate_shared<T>(recycling_allocator<T>{}, *static_cast<const T*>(e.now.get()));
    e.next = next;
    return next;
  }

 private:
  struct entry {
    const void* owner;
    index_t layer, round;
    std::shared_ptr<void> now, next;    ///< before the last pass, and after it
    index_t now_at = -1, next_at = -1;  ///< where these are
  };
  entry& find(const void* owner, index_t layer, index_t round) {
    for (entry& e : entries_)
      if (e.owner == owner && e.layer == layer && e.round == round) return e;
    return entries_.emplace_back(entry{owner, layer, round, {}, {}});
  }
  std::vector<entry> entries_;
};

/// Keys and values of the tokens already read, one pair of matrices (positions x d_model) per block, of one sequence.
template <class B>
struct kv_cache {
  std::vector<matrix<B>> keys, values;
  index_t length = 0;
  sequence_memory beside;
};

}  // namespace gmoe
