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

  recycled_vector<routing<B>> routings;  ///< in the order in which they were made
  recycled_vector<loss> losses;
  recycled_vector<statistic> statistics;
};

}  // namespace gmoe
