#pragma once
/// Choices of tokens among experts, sorted by the library and, by the rule alone, in plain loops.

#include <algorithm>
#include <vector>

#include "gmoe/backend/groups.hpp"
#include "ops/gradients.hpp"

namespace gmoe_test {

struct chosen_pairs {
  gmoe::index_t tokens, slots, experts;
  std::vector<id_type> choice;  ///< T x K

  template <class B>
  gmoe::pair_groups<B> sorted() const {
    return gmoe::pair_groups<B>(gmoe::sort_by_expert<B>(put_ids<B>(choice, tokens, slots), experts));
  }
  /// f(row, expert, token, slot) for every kept pair.
  template <class F>
  void each_row(const F& f) const {
    index_t row = 0;
    for (id_type e = 0; e < experts; ++e)
      for (std::size_t p = 0; p < choice.size(); ++p)
        if (choice[p] == e) f(row++, e, static_cast<index_t>(p) / slots, static_cast<index_t>(p) % slots);
  }
  index_t rows() const {
    return std::count_if(choice.begin(), choice.end(), [](id_type e) { return e != gmoe::no_choice; });
  }
};

/// Mixed ones with empty slots and an expert that nobody asks; one for all; none at all; no token; one expert.
inline std::vector<chosen_pairs> pairs_to_try() {
  constexpr id_type none = gmoe::no_choice;
  return {{6, 2, 4, {0, 1, 2, 0, 1, none, none, none, 0, 2, 0, 1}},
          {5, 1, 3, {1, 1, 1, 1, 1}},
          {2, 2, 3, {none, none, none, none}},
          {0, 2, 3, {}},
          {3, 1, 1, {0, none, 0}}};
}

}  // namespace gmoe_test
