// expect: gmoe: the card's slot 'gate' holds a type that does not derive from gate_policy
#include "gmoe/core/slot.hpp"

template <class Policy>
struct answer : Policy {};

struct card {
  using experts = answer<gmoe::experts_policy>;
  using body = answer<gmoe::body_policy>;
  using always = answer<gmoe::always_policy>;
  using router = answer<gmoe::router_policy>;
  using score = answer<gmoe::score_policy>;
  using select = answer<gmoe::select_policy>;
  using capacity = answer<gmoe::capacity_policy>;
#ifdef GMOE_FIXED
  using gate = answer<gmoe::gate_policy>;
#else
  using gate = answer<gmoe::score_policy>;
#endif
  using balance = answer<gmoe::balance_policy>;
  using placement = answer<gmoe::placement_policy>;
  using dense = answer<gmoe::dense_policy>;
};

static_assert(gmoe::check_card<card>());
