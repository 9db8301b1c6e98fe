// expect: gmoe: global_router was given two places to cut the propagated logits
#include "gmoe/moe/router/global_router.hpp"

#ifdef GMOE_FIXED
using router = gmoe::global_router<gmoe::hidden_state, gmoe::propagate<gmoe::cut::projected>>;
#else
using router = gmoe::global_router<gmoe::propagate<gmoe::cut::raw_logits>, gmoe::propagate<gmoe::cut::projected>>;
#endif

static_assert(router::has_logits);
