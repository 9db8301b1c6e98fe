#include "gmoe/nn/replay.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "gmoe/nn/context.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

// Whole passes are replayed in tests/moe/recording.cpp.

TEST_CASE_TEMPLATE("nn/replay: a cut is a constant, seen by name, and held by a replay", B, GMOE_TEST_MODULE_BACKENDS) {
  struct recorder : observer<B> {
    std::string seen;
    void see(std::string_view, index_t, const matrix<B>&) override { seen += "?"; }
    void see_cut(std::string_view what, index_t block, const matrix<B>&) override {
      seen += concat(what, " of ", block, "; ");
    }
  } watch;
  tape<B> t;
  context<B> ctx;
  ctx.tape = &t;
  ctx.block = 2;
  ctx.observer = &watch;
  const table value = random_table(2, 3, 1), recorded = random_table(2, 3, 2);
  parameter<B> p("p", put<B>(value));
  const variable<B> own = ctx.cut("logits", ctx.use(p));
  CHECK_FALSE(own.needs_gradient());
  CHECK(get(own.value()).values == value.values);
  CHECK(watch.seen == "logits of 2; ");

  replay<B> fixed;
  fixed.constants.push_back({"logits", 2, put<B>(recorded)});
  ctx.replay = &fixed;
  CHECK(get(ctx.cut("logits", ctx.use(p)).value()).values == recorded.values);
  CHECK(get(ctx.cut("others", ctx.use(p)).value()).values == value.values);
  ctx.block = 1;
  CHECK(get(ctx.cut("logits", ctx.use(p)).value()).values == value.values);
}
