#pragma once
/// Which experts may a token ask?

#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// All that the layer sees.
struct all_experts {
  using slot = slots::candidates;
};

}  // namespace gmoe
