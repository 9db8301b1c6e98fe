#pragma once
/// The largest piece of memory that was asked for, by any operator new of the program.

#include <cstddef>

namespace gmoe_fuzz {

void forget_allocations();
/// Since then, in bytes.
std::size_t largest_allocation();

}  // namespace gmoe_fuzz
