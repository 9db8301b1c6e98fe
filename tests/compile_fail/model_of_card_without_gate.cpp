// expect: gmoe: the card has no slot 'gate'
#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"

struct card {
  using experts = gmoe::global_pool;
  using body = gmoe::relu_expert;
  using always = gmoe::local_expert;
  using router = gmoe::linear_router;
  using score = gmoe::softmax_score;
  using select = gmoe::top_k<1>;
  using capacity = gmoe::no_capacity;
#ifdef GMOE_FIXED
  using gate = gmoe::selected_score;
#endif
  using balance = gmoe::switch_loss;
  using placement = gmoe::every_block;
  using dense = gmoe::gpt2_feed_forward;
};

int main() { gmoe::language_model<card, gmoe::shapes> model({}); }
