#pragma once
/// How far a policy looks: what the result for one token may depend on.

#include <algorithm>
#include <array>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// From the narrowest to the widest.
enum class reach {
  token,     ///< the token alone
  past,      ///< and those before it in its sequence: what generation needs at most
  sequence,  ///< and those after it
  batch,     ///< and other sequences
};
constexpr auto names_of(reach) { return std::array<std::string_view, 4>{"token", "past", "sequence", "batch"}; }

/// What a policy says of itself: `static constexpr gmoe::reach reaches = gmoe::reach::batch;`, where evaluation differs
/// also `reaches_in_evaluation`. One that says nothing looks at the token alone.
template <class P>
constexpr reach reach_of(bool training) {
  if constexpr (requires { P::reaches_in_evaluation; })
    if (!training) return P::reaches_in_evaluation;
  reach own = reach::token;
  if constexpr (requires { P::reaches; }) own = P::reaches;
  if constexpr (wraps<P>)
    own = std::max(own, reach_of<std::remove_cvref_t<decltype(std::declval<const P&>().of)>>(training));
  return own;
}

}  // namespace gmoe
