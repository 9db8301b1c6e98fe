#include "gmoe/moe/cached.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"

using namespace gmoe;

namespace {
struct counted {
  index_t tokens = 0;
};
}  // namespace

TEST_CASE_TEMPLATE("moe/cached: new in a whole pass, and going on with a cache", B, GMOE_TEST_MODULE_BACKENDS) {
  const layer_shape shape;
  context<B> ctx;
  ctx.sequence = 3;
  const int owner = 0;
  // One layer of one pass, in which the policy is asked twice.
  const auto layer = [&] {
    open_memories memories;
    const place<B> at{ctx, shape};
    counted& mine = memories.of<counted>(&owner, 0, at);
    mine.tokens += ctx.sequence;
    CHECK(&memories.of<counted>(&owner, 0, at) == &mine);
    counted& next_round = memories.of<counted>(&owner, 0, at.round(1));
    CHECK(next_round.tokens == mine.tokens - ctx.sequence);  // each round has its own
    next_round.tokens += ctx.sequence;
    CHECK(&memories.of<nothing>(&owner, 0, at) == &nothing_kept);
    return mine.tokens;
  };
  CHECK(layer() == 3);
  CHECK(layer() == 3);
  kv_cache<B> cache;
  ctx.cache = &cache;
  CHECK(layer() == 3);
  cache.length = 3;
  ctx.sequence = 1;
  CHECK(layer() == 4);
  cache.length = 4;
  CHECK(layer() == 5);
  CHECK(layer() == 5);  // as long as the pass has not come through
}
