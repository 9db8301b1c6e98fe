#pragma once
/// Noise on logits, as much of it as the router learns to have (Shazeer et al., ICLR 2017).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/normal_noise.hpp"

namespace gmoe {

/// In training z = z' + e s with z' the logits of `Router`, e ~ N(0, 1) for every token and logit, and
///
///     s = softplus(W_noise x) + least
///
/// In evaluation z = z'. A training pass notes "clean_logits" z' and "noise_deviation" s in the routing, for losses
/// that ask what other noise would have chosen. W_noise begins as zeros: s = 0.69 + least for everybody.
template <class Router>
struct noisy {
  using slot = slots::router;
  static constexpr bool notes_noise = true;
  Router of{};
  double least = 0.01;
  static constexpr auto fields =
      std::tuple{field{"least", &noisy::least, "standard deviation that noise always has", above(0)}};

  /// What the router keeps per layer, and the matrix of the noise: as many rows as there are logits, d columns.
  template <class B, class Body>
  struct layer {
    typename kept<Router, B, Body>::layer clean;
    parameter<B> noise;
  };
  template <class B, class Body>
  layer<B, Body> make_layer(const builder<B>& make, const layer_shape& l, const Body& body) const {
    parameter<B> noise = make.constant("noise", l.columns, l.d_model, 0);
    if constexpr (kept<Router, B, Body>::has_layers)
      return {ask<hooks::make_layer>(of, body, make, l), std::move(noise)};
    else
      return {{}, std::move(noise)};
  }

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> clean = ask<hooks::logits>(of, with_layer(my.layer.clean, my), at, x);
    if (!at.training) return clean;
    const variable<B> deviation = add_number(at, softplus(matmul(x, at.use(my.layer.noise), op::transpose)));
    matrix<B> drawn = normal_noise<B>(x.rows(), clean.cols(), at.stream(random_site::router, clean.value().size()));
    if (at.observer) at.observer->see_draw("router_noise", at.block, drawn);
    if (!at.earlier().empty()) {  // the routing that is being made
      at.earlier().back().note("clean_logits", clean);
      at.earlier().back().note("noise_deviation", deviation);
    }
    return add(clean, multiply(deviation, at.constant(std::move(drawn))));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!reads_no_rows<Router>,
                  "gmoe: noisy reads a token's row to say how much noise it gets, but its router looks at the token's "
                  "id alone");
    return true;
  }

 private:
  template <class B>
  variable<B> add_number(const place<B>& at, const variable<B>& s) const {
    return add_row(s, at.constant(matrix<B>::filled(1, s.cols(), static_cast<typename B::scalar>(least))));
  }
};

}  // namespace gmoe
