#include "gmoe/moe/experts/visible_experts.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/experts/layer_pool.hpp"

using namespace gmoe;

namespace {
/// The last layer sees what the first one does.
struct ring {
  using slot = slots::experts;
  layer_pool of{};
  std::vector<id_type> visible(const sizes& s, index_t layer, index_t moe_layers) const {
    return of.visible(s, layer + 1 == moe_layers ? 0 : layer);
  }
};
struct around_ring {
  using slot = slots::experts;
  ring of{};
};
}  // namespace

TEST_CASE("moe/experts/visible_experts: with and without the number of mixtures, and through a wrapper") {
  sizes s;
  s.experts = 2;
  CHECK(visible_experts(layer_pool{}, s, 2, 3) == std::vector<id_type>{4, 5});
  CHECK(visible_experts(ring{}, s, 2, 3) == std::vector<id_type>{0, 1});
  CHECK(visible_experts(around_ring{}, s, 2, 4) == std::vector<id_type>{4, 5});
}
