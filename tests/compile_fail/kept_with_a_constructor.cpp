// expect: gmoe: what a policy keeps is a plain struct (no constructors, nothing private)
#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/stack.hpp"

using namespace gmoe;

struct my_router {
  using slot = slots::router;
  template <class B>
  struct layer {
#ifndef GMOE_FIXED
    explicit layer(parameter<B> p) : gate(std::move(p)) {}
#endif
    parameter<B> gate;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return layer<B>{make.linear("gate", l.experts, l.d_model)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return matmul(x, at.use(my.layer.gate), op::transpose);
  }
};

int main() {
  moe_stack<with<switch_card, my_router>, shapes> moe({});
  moe.parameters();
}
