// expect: gmoe: the card's gate cannot be asked for its weights: it takes variable<B> weights(const place<B>&,
#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/stack.hpp"

using namespace gmoe;

struct my_gate {
  using slot = slots::gate;
  template <class B>
#ifdef GMOE_FIXED
  variable<B> weights(const place<B>&, const routing<B>& r) const {
#else
  variable<B> weigths(const place<B>&, const routing<B>& r) const {
#endif
      return r.scores;
}
}
;

int main() { moe_stack<with<switch_card, my_gate>, shapes> moe({}); }
