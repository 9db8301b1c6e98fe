#pragma once
/// Decisions by what was read so far: the causal form of one decision per sequence.

#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/prefix_means.hpp"

namespace gmoe {

/// `Router` on the mean of its rows from the first of the sequence to the token itself, in place of the token's own:
/// z_i = Router((x_first + ... + x_i) / (i - first + 1)). Generation goes on with the mean.
template <class Router>
struct on_prefix {
  using slot = slots::router;
  static constexpr reach reaches = reach::past;
  Router of{};

  template <class B>
  struct cached {
    running_means<B> read;
  };
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return ask<hooks::logits>(of, my, at, prefix_means(x, at.sequence, my.cached.read));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(
        !reads_no_rows<Router>,
        "gmoe: on_prefix changes what its router sees of a token, but this one looks at the token's id alone");
    static_assert(
        !requires { typename Router::template cached<B>; },
        "gmoe: on_prefix keeps the mean of the text so far, but its router keeps something from position to "
        "position, too");
    return true;
  }
};

}  // namespace gmoe
