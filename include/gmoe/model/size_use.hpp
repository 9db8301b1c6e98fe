#pragma once
/// Which numbers of `sizes` a card's model depends on: the others may be anything.

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <type_traits>

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/placement/placement.hpp"

namespace gmoe {

namespace detail {

/// A policy that reads numbers which not every model has names them: `static constexpr std::string_view reads[]`.
template <class Policy>
constexpr bool policy_reads(std::string_view field) {
  if constexpr (requires { Policy::reads; })
    return std::find(std::begin(Policy::reads), std::end(Policy::reads), field) != std::end(Policy::reads);
  else
    return false;
}

}  // namespace detail

/// Whether the field of that name makes a difference to models of this card.
template <class Card>
constexpr bool uses_size(std::string_view field) {
  constexpr std::array<std::string_view, 6> some{"top_k",      "granularity",     "shared_experts",
                                                 "moe_blocks", "capacity_factor", "balance_alpha"};
  const bool mixture = !std::is_same_v<typename Card::placement, no_block>;
  if (field == "experts") return mixture;
  if (std::find(some.begin(), some.end(), field) == some.end()) return true;  // every model has it
  if (detail::policy_reads<typename Card::dense>(field)) return true;
  return mixture &&
         (detail::policy_reads<typename Card::experts>(field) || detail::policy_reads<typename Card::body>(field) ||
          detail::policy_reads<typename Card::always>(field) || detail::policy_reads<typename Card::router>(field) ||
          detail::policy_reads<typename Card::score>(field) || detail::policy_reads<typename Card::select>(field) ||
          detail::policy_reads<typename Card::capacity>(field) || detail::policy_reads<typename Card::gate>(field) ||
          detail::policy_reads<typename Card::balance>(field) || detail::policy_reads<typename Card::placement>(field));
}

}  // namespace gmoe
