#pragma once
/// Noise on what a router sees (Fedus et al. 2021).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// `Router` on x * U(1 - e, 1 + e), element by element, in training only: `with<switch_card, jittered<linear_router>>`.
/// The experts see x itself. What `Router` keeps is kept.
template <class Router>
struct jittered {
  using slot = slots::router;
  Router of{};
  double epsilon = 0.01;
  static constexpr auto fields =
      std::tuple{field{"epsilon", &jittered::epsilon, "half the width of the noise", at_least(0)}};

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    if (!at.training) return ask<hooks::logits>(of, my, at, x);
    using scalar = typename B::scalar;
    matrix<B> noise(x.rows(), x.cols());
    B::fill_uniform(noise.view(), static_cast<scalar>(1 - epsilon), static_cast<scalar>(1 + epsilon),
                    at.stream(random_site::router, noise.size()));
    if (at.observer) at.observer->see_draw("router_noise", at.block, noise);
    return ask<hooks::logits>(of, my, at, multiply(x, at.constant(std::move(noise))));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!reads_no_rows<Router>,
                  "gmoe: jittered changes what its router sees of a token, but this one looks at the token's id alone");
    return true;
  }
};

}  // namespace gmoe
