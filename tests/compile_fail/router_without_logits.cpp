// expect: gmoe: the router's layer<Backend> has no variable<B> logits(const context<B>&, const variable<B>& x)
#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"

struct my_router : gmoe::router_policy {
  template <class B>
  struct layer {
    layer(const gmoe::builder<B>&, const gmoe::sizes&, const gmoe::layer_shape&) {}
#ifdef GMOE_FIXED
    gmoe::variable<B> logits(const gmoe::context<B>&, const gmoe::variable<B>& x) { return x; }
#else
    gmoe::variable<B> logit(const gmoe::context<B>&, const gmoe::variable<B>& x) { return x; }  // a typing mistake
#endif
    void each(auto&&) {}
  };
};

int main() { gmoe::language_model<gmoe::with<gmoe::switch_card, my_router>, gmoe::shapes> model({}); }
