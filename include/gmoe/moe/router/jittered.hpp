#pragma once
/// Noise on what a router sees (Fedus et al. 2021).

#include <ratio>

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// `Router` on x * U(1 - e, 1 + e), element by element, in training only: `with<switch_card, jittered<linear_router>>`.
/// The experts see x itself. Epsilon is a std::ratio; Switch takes 1/100.
template <class Router, class Epsilon = std::centi>
struct jittered : Router {
  template <class B>
  struct layer : Router::template layer<B> {
    using base = typename Router::template layer<B>;
    using base::base;

    /// Whatever `Router` carries between layers is handed through.
    template <class... Carried>
    requires requires(base& b, const context<B>& ctx, const variable<B>& x, Carried&... c) { b.logits(ctx, x, c...); }
    variable<B> logits(const context<B>& ctx, const variable<B>& x, Carried&... carried) {
      if (!ctx.training) return base::logits(ctx, x, carried...);
      using scalar = typename B::scalar;
      constexpr double epsilon = static_cast<double>(Epsilon::num) / static_cast<double>(Epsilon::den);
      matrix<B> noise(x.rows(), x.cols());
      B::fill_uniform(noise.view(), static_cast<scalar>(1 - epsilon), static_cast<scalar>(1 + epsilon),
                      ctx.stream(random_site::router));
      if (ctx.observer) ctx.observer->see_draw("router_noise", ctx.block, noise);
      return base::logits(ctx, multiply(x, ctx.constant(std::move(noise))), carried...);
    }
  };
};

}  // namespace gmoe
