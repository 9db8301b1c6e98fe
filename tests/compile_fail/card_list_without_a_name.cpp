// expect: gmoe: a card in the list has no name
#include "gmoe/model/registry.hpp"

struct my_card : gmoe::gmoe_card {
#ifdef GMOE_FIXED
  static constexpr const char* name = "mine";
#endif
};

static_assert(gmoe::card_list<gmoe::gmoe_card, my_card>::texts.size() == 2);
