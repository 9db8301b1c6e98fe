#pragma once
/// One rank: nobody to talk to. It compiles to nothing.

#include <algorithm>

#include "gmoe/ranks/communicator.hpp"

namespace gmoe::ranks {

struct alone {
  static constexpr int rank() { return 0; }
  static constexpr int size() { return 1; }
  static void barrier() {}
  static void broadcast(bytes_out, int) {}
  static void all_gather(bytes mine, bytes_out all, counts) { std::ranges::copy(mine, all.begin()); }
  static void all_to_all(bytes mine, counts, bytes_out yours, counts) { std::ranges::copy(mine, yours.begin()); }
  static void fail(std::string_view) noexcept {}
};
static_assert(communicator<alone>);

/// Whether there can be other ranks: what is for them is left out where there cannot.
template <class C>
inline constexpr bool has_others = !std::same_as<C, alone>;

}  // namespace gmoe::ranks
