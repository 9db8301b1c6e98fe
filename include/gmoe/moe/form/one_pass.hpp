#pragma once
/// How do the parts make a layer? Forms.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// y = always(x) + sum over the chosen experts of w_e E_e(x): the form of almost every mixture.
struct one_pass {
  using slot = slots::form;

  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    const routing<B>& r = parts.route(at, x);
    // First what does not wait for the routing: meanwhile a device sends the experts' loads to the host.
    const variable<B> always = parts.always(at, x, r), routed = parts.experts(at, x, r);
    return always ? add(always, routed) : routed;
  }
};

}  // namespace gmoe
