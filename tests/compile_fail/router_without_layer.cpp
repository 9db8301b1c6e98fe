// expect: gmoe: the router has no member template struct layer<Backend>
#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"

#ifdef GMOE_FIXED
struct my_router : gmoe::linear_router {};
#else
struct my_router : gmoe::router_policy {};
#endif

int main() { gmoe::language_model<gmoe::with<gmoe::switch_card, my_router>, gmoe::shapes> model({}); }
