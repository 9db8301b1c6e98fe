// expect: gmoe: the second argument of language_model is not a backend
#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/model/language_model.hpp"

#ifdef GMOE_FIXED
using backend = gmoe::shapes;
#else
using backend = float;
#endif

int main() { gmoe::language_model<gmoe::gmoe_card, backend> model({}); }
