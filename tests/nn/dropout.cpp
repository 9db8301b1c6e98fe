#include "gmoe/nn/dropout.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("nn/dropout: in training only, with the mask that an observer sees", B, GMOE_TEST_MODULE_BACKENDS) {
  struct recorder : observer<B> {
    table mask;
    int seen = 0;
    void see(std::string_view what, index_t block, const matrix<B>& value) override {
      CHECK(what == "mask");
      CHECK(block == 3);
      mask = get(value);
      ++seen;
    }
  } watch;
  const table value = random_table(20, 7, 1);
  const variable<B> x(put<B>(value));
  context<B> ctx;
  ctx.block = 3;
  ctx.random = random_stream(5);
  ctx.observer = &watch;
  CHECK(get(nn::dropout(ctx, x, 0.5, random_site::feed_forward, "mask").value()).values == value.values);
  ctx.training = true;
  CHECK(get(nn::dropout(ctx, x, 0.0, random_site::feed_forward, "mask").value()).values == value.values);
  CHECK(watch.seen == 0);
  const table y = get(nn::dropout(ctx, x, 0.5, random_site::feed_forward, "mask").value());
  REQUIRE(watch.seen == 1);
  int kept = 0;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    CHECK((watch.mask.values[i] == 0 || watch.mask.values[i] == 2));
    CHECK(y.values[i] == value.values[i] * watch.mask.values[i]);
    kept += watch.mask.values[i] != 0;
  }
  CHECK(kept > 40);
  CHECK(kept < 100);
}
