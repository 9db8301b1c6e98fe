// expect: gmoe: the card has no member 'gate'
#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"

using namespace gmoe;

struct my_card {
  global_pool experts{};
  relu_expert body{};
  local_expert always{};
  linear_router router{};
  softmax_score score{};
  top_k select{};
  no_capacity capacity{};
#ifdef GMOE_FIXED
  selected_score gate{};
#endif
  switch_loss balance{};
  every_block placement{};
  gpt2_feed_forward dense{};
};

int main() { language_model<my_card, shapes> model({}); }
