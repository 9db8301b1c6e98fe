#include "gmoe/nn/context.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("nn/context: every block and site draws from a stream of its own, the same ones each time", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  context<B> ctx;
  ctx.random = random_stream(3).fork(17);
  std::set<std::uint64_t> keys;
  int count = 0;
  for (index_t block = -1; block < 20; ++block) {
    ctx.block = block;
    for (auto site : {random_site::embedding, random_site::attention, random_site::attention_output,
                      random_site::feed_forward, random_site::router, random_site::capacity}) {
      keys.insert(ctx.step_stream(site).key());
      CHECK(ctx.step_stream(site).key() == ctx.step_stream(site).key());
      CHECK(ctx.stream(site, 6).key() == ctx.step_stream(site).key());
      ++count;
    }
  }
  CHECK(static_cast<int>(keys.size()) == count);
  ctx.random = random_stream(3).fork(18);
  CHECK_FALSE(keys.contains(ctx.step_stream(random_site::embedding).key()));
}

TEST_CASE_TEMPLATE("nn/context: draws belong to samples, whichever pass computes them", B, GMOE_TEST_MODULE_BACKENDS) {
  context<B> whole, part;
  whole.batch = 6;
  part.batch = 2;
  part.first_sample = 4;
  const auto all = whole.stream(random_site::router, 30), last = part.stream(random_site::router, 10);
  CHECK(last.word(0) == all.word(20));
  CHECK(last.uniform(9) == all.uniform(29));
  CHECK(last.fork("more").uniform(9) == all.fork("more").uniform(29));
  CHECK(part.step_stream(random_site::router).uniform(0) == whole.step_stream(random_site::router).uniform(0));
  CHECK_THROWS_WITH_AS(part.stream(random_site::router, 5),
                       "block 0: 5 random numbers are not equally many for each of 2 samples; what is drawn once for a "
                       "step comes from step_stream",
                       config_error);
}

TEST_CASE_TEMPLATE("nn/context: parameters and constants come onto its tape", B, GMOE_TEST_MODULE_BACKENDS) {
  parameter<B> p("p", put<B>(random_table(1, 2, 1)));
  context<B> ctx;
  CHECK_FALSE(ctx.use(p).needs_gradient());
  tape<B> t;
  ctx.tape = &t;
  CHECK(ctx.use(p).needs_gradient());
  CHECK(ctx.use(p).recorded_on() == &t);
  CHECK_FALSE(ctx.constant(matrix<B>(1, 1)).needs_gradient());
}

TEST_CASE_TEMPLATE("nn/context: an observer is told what, where and how much", B, GMOE_TEST_MODULE_BACKENDS) {
  struct recorder : observer<B> {
    std::vector<std::pair<std::string, index_t>> seen;
    table last;
    void see(std::string_view what, index_t block, const matrix<B>& value) override {
      seen.emplace_back(what, block);
      last = get(value);
    }
  } watch;
  context<B> ctx;
  const table value = random_table(2, 3, 1);
  const variable<B> x(put<B>(value));
  ctx.observe("moe_in", x);  // nobody listens
  ctx.observer = &watch;
  ctx.block = 4;
  ctx.observe("router_h", x);
  CHECK(watch.seen == std::vector<std::pair<std::string, index_t>>{{"router_h", 4}});
  CHECK(watch.last.values == value.values);
}
