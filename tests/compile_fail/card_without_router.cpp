// expect: gmoe: the card has no slot 'router'
#include "gmoe/core/slot.hpp"

template <class Policy>
struct answer : Policy {};

struct card {
  using experts = answer<gmoe::experts_policy>;
  using body = answer<gmoe::body_policy>;
  using always = answer<gmoe::always_policy>;
#ifdef GMOE_FIXED
  using router = answer<gmoe::router_policy>;
#else
  using ruoter = answer<gmoe::router_policy>;  // a typing mistake
#endif
  using score = answer<gmoe::score_policy>;
  using select = answer<gmoe::select_policy>;
  using capacity = answer<gmoe::capacity_policy>;
  using gate = answer<gmoe::gate_policy>;
  using balance = answer<gmoe::balance_policy>;
  using placement = answer<gmoe::placement_policy>;
  using dense = answer<gmoe::dense_policy>;
};

static_assert(gmoe::check_card<card>());
