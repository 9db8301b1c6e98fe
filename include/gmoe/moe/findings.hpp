#pragma once
/// What one forward pass found on its way: routings, losses and statistics by name.

#include <string_view>

#include "gmoe/core/recycled.hpp"
#include "gmoe/moe/routing.hpp"

namespace gmoe {

template <class B>
struct findings {
  /// A loss that a policy added, 1 x 1.
  struct loss {
    std::string_view name;
    index_t block;
    variable<B> value;
    std::string_view mixture{};  ///< see routing::mixture
  };
  /// A row that is summed over all passes of a step.
  struct statistic {
    std::string_view name;
    index_t layer;  ///< the mixture's number
    matrix<B> row;
    std::string_view mixture{};
  };

  /// How much each token matters, as the attention of a block told its mixture: T x 1 of numbers in [0, 1].
  struct importance {
    index_t block = -1;
    matrix<B> of_rows;
  };

  recycled_vector<routing<B>> routings;  ///< in the order in which they were made
  recycled_vector<loss> losses;
  recycled_vector<statistic> statistics;
  importance told;  ///< by the last attention that tells it
};

}  // namespace gmoe
