// One router for every two layers (as PathMoE and Omni-Router share theirs).
#include "breadth/check.hpp"

using namespace gmoe;

namespace {

struct block_router {
  using slot = slots::router;
  index_t layers = 2;
  static constexpr auto fields = std::tuple{field{"layers", &block_router::layers, "that share a router", at_least(1)}};

  template <class B>
  struct shared {
    parameter<B> gate;  // N x d
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("gate", l.experts, l.d_model)};
  }
  index_t group(index_t layer) const { return layer / layers; }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return matmul(x, at.use(my.shared.gate), op::transpose);
  }
};

}  // namespace

TEST_CASE("breadth/shared_router: gradients add up over the layers of a group, and each group has a router") {
  using card = with<smoe_card, block_router>;
  gmoe_test::check_gradients_of<card>();
  const auto gates = [](index_t layers, index_t share) {
    sizes s = gmoe_test::small_sizes();
    s.layers = layers;
    language_model<card, gmoe_test::model_backend> model(s, gmoe::card<card>(block_router{.layers = share}));
    std::vector<std::string> names;
    for (const auto* p : model.parameters())
      if (p->name().ends_with("gate")) names.push_back(p->name());
    return names;
  };
  CHECK(gates(5, 2) == std::vector<std::string>{"router.gate", "router.group.1.gate", "router.group.2.gate"});
  CHECK(gates(5, 5) == std::vector<std::string>{"router.gate"});
  CHECK(gates(3, 1).size() == 3);
}
