#pragma once
/// What policies keep from position to position within a sequence: `my.cached`.

#include <memory>
#include <type_traits>

#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/place.hpp"

namespace gmoe {

/// What was opened while one layer runs: of the sequences of a whole pass, where it is new, or of the one that goes on.
class open_memories {
 public:
  /// The policy's, in this round of the layer; the same one whenever it is asked for.
  template <class T, class B>
  T& of(const void* owner, index_t layer, const place<B>& at) {
    if constexpr (std::is_same_v<T, nothing>) {
      return nothing_kept;
    } else {
      for (const opened& o : opened_)
        if (o.owner == owner && o.round == at.round_number) return *static_cast<T*>(o.what.get());
      auto what = at.cache ? at.cache->beside.template reopen<T>(owner, layer, at.round_number, at.cache->length,
                                                                 at.sequence / at.rows_per_token)
                           : std::allocate_shared<T>(recycling_allocator<T>{});
      T& found = *what;
      opened_.push_back({owner, at.round_number, std::move(what)});
      return found;
    }
  }

 private:
  struct opened {
    const void* owner;
    index_t round;
    std::shared_ptr<void> what;
  };
  recycled_vector<opened> opened_;
};

}  // namespace gmoe
