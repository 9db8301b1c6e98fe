#pragma once
/// One mixture upon another in every layer (Eigen et al. 2013): paths through both are many more than experts.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/inner.hpp"
#include "gmoe/moe/place.hpp"

namespace gmoe {

/// y = B(A(x)), A and B whole mixtures of the cards `first` and `second`. Nothing is added between: see in_series for
/// that.
template <class First, class Second>
struct stacked {
  using slot = slots::form;
  using uses = slot_list<>;
  First first{};    ///< A
  Second second{};  ///< B
  static constexpr auto fields = std::tuple{field{"first", &stacked::first, "the mixture that sees the layer's input"},
                                            field{"second", &stacked::second, "the mixture that sees its output"}};

  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    return parts.mixture(&stacked::second, at, parts.mixture(&stacked::first, at, x));
  }
};

}  // namespace gmoe
