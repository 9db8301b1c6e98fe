// Two mixtures one after the other in every block (Cartesian products of sub-experts), as a form that holds both.
#include "breadth/check.hpp"

using namespace gmoe;

namespace {

/// y = A(x) + B(x + A(x)). The card's own parts are not asked.
template <class First, class Second>
struct in_series {
  using slot = slots::form;
  using uses = slot_list<>;

  template <class B>
  struct layer {
    moe_stack<First, B> first;
    moe_stack<Second, B> second;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    sizes one = l;
    one.layers = 1;
    return {moe_stack<First, B>(make.scope("first"), one, First{}),
            moe_stack<Second, B>(make.scope("second"), one, Second{})};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto&, const variable<B>& x, const auto& my) const {
    auto p = my.layer.first.begin(at);
    auto q = my.layer.second.begin(at);
    const variable<B> a = my.layer.first(p, 0, x), b = my.layer.second(q, 0, add(x, a));
    at.add_loss("first", p.loss());
    at.add_loss("second", q.loss());
    return add(a, b);
  }
};

}  // namespace

TEST_CASE("breadth/in_series: gradients, losses by name, and parameters of both mixtures and no others") {
  struct card {
    in_series<smoe_card, switch_shared_card> form{};
    every_block placement{};
    gpt2_feed_forward dense{};
  };
  const auto found = gmoe_test::check_gradients_of<card>();
  REQUIRE(found.losses.size() == 4);
  CHECK(found.losses[1].name == "second");
  CHECK(found.losses[3].block == 1);
  language_model<card, gmoe_test::model_backend> model(gmoe_test::small_sizes());
  std::size_t gates = 0;
  model.each_parameter([&](const auto& p) {
    gates += p.name().ends_with("gate");
    CHECK(p.name() != "experts.w_in");
  });
  CHECK(gates == 2 * 3);
  CHECK(gmoe_test::named(model, "h.1.moe.form.second.h.0.moe.local.w_in").rows() == 12);
}
