#pragma once
/// Experts in layers of a layer: strata of neighbouring numbers, as equal as they can be.

#include "gmoe/core/index.hpp"

namespace gmoe {

/// N experts in S strata, 1 <= S <= N. Where S does not divide N some have one expert more.
struct strata {
  index_t experts = 1;  ///< N
  index_t count = 1;    ///< S

  /// The stratum of expert e.
  index_t of(index_t e) const { return e * count / experts; }
  /// The first expert of stratum s; N for s = S.
  index_t first(index_t s) const { return (s * experts + count - 1) / count; }
  /// How many experts stand in stratum s or behind it.
  index_t from(index_t s) const { return experts - first(s); }
};

}  // namespace gmoe
