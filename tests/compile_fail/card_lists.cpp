// expect: gmoe: a card in the list has no name; give it a static member `text`
// expect: gmoe: two cards of the list have the same name; a card that derives from another needs a `text` of its
#include "gmoe/model/registry.hpp"

using namespace gmoe;

struct mended : gmoe_card {
  static constexpr card_text text{"mine", "", "a card of one's own"};
};
static_assert(card_list<gmoe_card, mended>::texts.size() == 2);

static_assert(card_list<gmoe_card, with<gmoe_card, linear_router>>::texts.size() == 2);

struct of_the_same_name : gmoe_card {};
static_assert(card_list<gmoe_card, of_the_same_name>::texts.size() == 2);
