// expect: gmoe: with<> was given a type that fills no slot
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
  using gate = answer<gmoe::gate_policy>;
  using balance = answer<gmoe::balance_policy>;
  using placement = answer<gmoe::placement_policy>;
  using dense = answer<gmoe::dense_policy>;
};

struct first : gmoe::router_policy {};
#ifdef GMOE_FIXED
struct second : gmoe::gate_policy {};
#else
struct second {};
#endif

static_assert(gmoe::check_card<gmoe::with<card, first, second>>());
