#pragma once
/// A router that stays as it began.

#include <type_traits>

#include "gmoe/core/aggregate.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

namespace detail {

/// Every parameter in a plain struct.
template <class T>
void stop_training(T& x) {
  if constexpr (requires { x.set_trained(false); })
    x.set_trained(false);
  else if constexpr (requires { x.has_value(); })
    x ? stop_training(*x) : void();
  else if constexpr (std::is_aggregate_v<T> && !std::is_empty_v<T>)
    each_element(x, [](auto& member) { stop_training(member); });
}

}  // namespace detail

/// `Router` with its first weights, which no step changes: whatever is gained by training is the experts'.
template <class Router>
struct frozen {
  using slot = slots::router;
  Router of{};
  static constexpr auto fields = std::tuple{};

  void before_step(std::int64_t, const auto& my) const {
    detail::stop_training(my.layer);
    detail::stop_training(my.shared);
  }
};

}  // namespace gmoe
