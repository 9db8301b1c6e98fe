// A layer sees its own experts and those of the layers beside it (as ReXMoE reuses them).
#include "breadth/check.hpp"

using namespace gmoe;

namespace {

struct neighbours_pool {
  using slot = slots::experts;
  index_t reach = 1;
  static constexpr auto fields =
      std::tuple{field{"reach", &neighbours_pool::reach, "layers to each side whose experts are seen", at_least(0)}};
  static constexpr bool shared_between_layers = true;

  index_t total(const sizes& s, index_t moe_layers) const { return s.experts * moe_layers; }
  std::vector<id_type> visible(const sizes& s, index_t layer, index_t moe_layers) const {
    std::vector<id_type> ids;
    for (index_t l = std::max<index_t>(0, layer - reach); l <= std::min(moe_layers - 1, layer + reach); ++l)
      for (index_t e = 0; e < s.experts; ++e) ids.push_back(static_cast<id_type>(l * s.experts + e));
    return ids;
  }
};

}  // namespace

TEST_CASE("breadth/union_pool: gradients of experts that several layers see, and more experts in the middle") {
  using card = with<smoe_card, neighbours_pool, listed_blocks>;
  sizes s = gmoe_test::small_sizes();
  s.experts = 2;
  const auto found = gmoe_test::check_gradients_of(gmoe::card<card>(listed_blocks{{0, 1}}), s);
  CHECK(found.routings[0].experts == 4);
  s.layers = 5;  // of which three have a mixture
  language_model<card, gmoe_test::model_backend> model(s, gmoe::card<card>(listed_blocks{{0, 2, 4}}));
  CHECK(model.moe().visible(0) == std::vector<id_type>{0, 1, 2, 3});
  CHECK(model.moe().visible(1) == std::vector<id_type>{0, 1, 2, 3, 4, 5});
  CHECK(model.moe().visible(2) == std::vector<id_type>{2, 3, 4, 5});
  CHECK(gmoe_test::named(model, "router.1.gate").rows() == 6);
  CHECK(gmoe_test::named(model, "experts.w_in").rows() == 6 * 12);
}
