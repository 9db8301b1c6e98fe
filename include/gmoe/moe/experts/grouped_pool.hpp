#pragma once
/// Experts in groups of equal width, wider from group to group (MoHGE, Ma et al. 2026).

#include "gmoe/core/error.hpp"
#include "gmoe/moe/experts/heterogeneous.hpp"
#include "gmoe/moe/experts/layer_pool.hpp"
#include "gmoe/moe/layer_shape.hpp"

namespace gmoe {

/// A pool for every layer, whose N experts are `groups` groups of n = N / groups neighbours. Widths grow from group to
/// group in arithmetic progression, the last one `ratio` times the first, d_ff on average. Experts belong to `devices`,
/// the members of each group in turn, so that every device has as many of each width.
struct grouped_pool {
  using slot = slots::experts;
  layer_pool of{};
  index_t groups = 4;
  double ratio = 2.5;
  index_t devices = 1;
  static constexpr auto fields = std::tuple{
      field{"groups", &grouped_pool::groups, "groups of experts, each of one width", at_least(1)},
      field{"ratio", &grouped_pool::ratio, "width of the widest experts over that of the narrowest", at_least(1)},
      field{"devices", &grouped_pool::devices, "that experts are spread over; it changes no result", at_least(1)}};

  index_t width(const sizes& s, index_t expert) const {
    return width_in_progression(s.d_ff, ratio, groups, expert % s.experts / members(s));
  }
  /// The device.
  index_t home(const sizes& s, index_t expert) const { return expert % s.experts % members(s) % devices; }
  void publish(layer_shape& l) const { l.groups = groups; }

 private:
  /// n
  index_t members(const sizes& s) const {
    require(s.experts % groups == 0, "experts = ", s.experts, " is not divisible by experts.groups = ", groups);
    const index_t n = s.experts / groups;
    require(n % devices == 0, "groups of ", n, " experts cannot be spread evenly over experts.devices = ", devices);
    return n;
  }
};

}  // namespace gmoe
