// expect: gmoe: the selection's layer<Backend> has an after_step that is not after_step(const sizes&, const
// routing_statistics&)
#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"

struct my_select : gmoe::top_k<1> {
  template <class B>
  struct layer {
    layer(const gmoe::builder<B>&, const gmoe::sizes&, const gmoe::layer_shape&) {}
#ifdef GMOE_FIXED
    void after_step(const gmoe::sizes&, const gmoe::routing_statistics&) {}
#else
    void after_step(const gmoe::sizes&, const gmoe::routing<B>&) {}  // of one pass: not the whole step
#endif
  };
};

int main() { gmoe::language_model<gmoe::with<gmoe::switch_card, my_select>, gmoe::shapes> model({}); }
