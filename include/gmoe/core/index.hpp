#pragma once
/// The integer types of the library.

#include <cstddef>
#include <cstdint>

#include "gmoe/core/host_device.hpp"

namespace gmoe {

/// Sizes, row and column numbers. Signed, so that differences and reverse loops are plain arithmetic.
using index_t = std::ptrdiff_t;

/// Token ids and expert ids as they lie in memory. `no_choice` marks an empty choice.
using id_type = std::int32_t;

/// An expert id that stands for "none": a dropped pair, or a choice that was never made.
inline constexpr id_type no_choice = -1;

/// The id is one of `count`: neither `no_choice` nor a mistake.
GMOE_HD constexpr bool is_choice(id_type id, index_t count) { return id >= 0 && id < count; }

/// A target that does not enter the loss (the last position of a sequence, padding).
inline constexpr id_type no_target = -1;

}  // namespace gmoe
