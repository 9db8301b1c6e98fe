#include "gmoe/autograd/tape.hpp"

#include <doctest/doctest.h>

#include <array>

#include "backends.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/stop_gradient.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
variable<B> constant(const table& t) {
  return variable<B>(put<B>(t));
}
table ones(index_t rows, index_t cols, double value = 1) { return {rows, cols, value}; }

}  // namespace

TEST_CASE_TEMPLATE("autograd/tape: steps run once each, last first", B, GMOE_TEST_BACKENDS) {
  tape<B> t;
  parameter<B> p("p", put<B>(random_table(1, 1, 1)));
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) t.record([&order, i] { order.push_back(i); });
  CHECK_FALSE(t.empty());
  t.backward(variable<B>(p, &t));
  CHECK(order == std::vector<int>{4, 3, 2, 1, 0});
  CHECK(t.empty());
  CHECK(p.gradient().item() == 1);
}

TEST_CASE_TEMPLATE("autograd/tape: clear forgets without running; what steps hold is released either way", B,
                   GMOE_TEST_BACKENDS) {
  const auto alive = std::make_shared<int>(0);
  parameter<B> p("p", put<B>(random_table(1, 1, 1)));
  {
    tape<B> t;
    t.record([alive] { ++*alive; });
    CHECK(alive.use_count() == 2);
    t.clear();
    CHECK(alive.use_count() == 1);
    CHECK(t.empty());
    t.record([alive] { ++*alive; });
    t.backward(variable<B>(p, &t));
    CHECK(alive.use_count() == 1);
    CHECK(*alive == 1);
    t.record([alive] { ++*alive; });
  }
  CHECK(alive.use_count() == 1);
  CHECK(*alive == 1);
}

TEST_CASE_TEMPLATE("autograd/tape: a step that throws is released, and so are the others", B, GMOE_TEST_BACKENDS) {
  const auto alive = std::make_shared<int>(0);
  parameter<B> p("p", put<B>(random_table(1, 1, 1)));
  tape<B> t;
  t.record([alive] { ++*alive; });
  t.record([alive] { throw numeric_error("no more"); });
  CHECK_THROWS_AS(t.backward(variable<B>(p, &t)), numeric_error);
  CHECK(alive.use_count() == 1);
  CHECK(t.empty());
  CHECK(*alive == 0);
}

TEST_CASE_TEMPLATE("autograd/tape: many large steps, more than one chunk of memory", B, GMOE_TEST_BACKENDS) {
  tape<B> t;
  parameter<B> p("p", put<B>(random_table(1, 1, 1)));
  for (int round = 0; round < 2; ++round) {
    long sum = 0;
    for (int i = 0; i < 100; ++i) {
      std::array<int, 1000> big{};
      big[0] = big[999] = i;
      t.record([big, &sum] { sum += big[0] == big[999] ? big[999] : 1000000; });
    }
    t.backward(variable<B>(p, &t));
    CHECK(sum == 4950);
  }
  struct too_big {
    std::array<char, 70000> bytes;
    void operator()() const {}
  };
  CHECK_THROWS_WITH_AS(t.record(too_big{}), "tape::record: a step of 70000 bytes captures too much by value",
                       config_error);
}

TEST_CASE_TEMPLATE("autograd/tape: what cannot be differentiated says so", B, GMOE_TEST_BACKENDS) {
  tape<B> t, other;
  parameter<B> p("p", put<B>(random_table(1, 2, 1)));
  const variable<B> x(p, &t);
  CHECK_THROWS_WITH_AS(t.backward(x), "tape::backward: the loss must be 1 x 1", config_error);
  CHECK_THROWS_AS(t.backward(variable<B>()), config_error);
  const variable<B> loss = sum(x);
  CHECK_THROWS_WITH_AS(other.backward(loss), "tape::backward: the loss was not recorded on this tape", config_error);
  CHECK_THROWS_AS(t.backward(constant<B>(ones(1, 1))), config_error);
  CHECK_THROWS_WITH_AS(add(x, variable<B>(p, &other)), "variables of two different tapes meet in one operation",
                       config_error);
}

TEST_CASE_TEMPLATE("autograd/tape: contributions of several uses add up", B, GMOE_TEST_BACKENDS) {
  tape<B> t;
  const table value = random_table(2, 3, 1);
  parameter<B> p("p", put<B>(value));
  const variable<B> x(p, &t);
  // sum(x + x) + sum(3 x) + sum(x x): 5 + 2 x
  const variable<B> loss = add(sum(add(x, x)), sum(scale(x, 3)), sum(multiply(x, x)));
  t.backward(loss);
  CHECK(difference(get(p.gradient()), each([](double v) { return 5 + 2 * v; }, value)) < tolerance<B>);
}

TEST_CASE_TEMPLATE("autograd/tape: sharing gradient buffers never mixes them up", B, GMOE_TEST_BACKENDS) {
  tape<B> t;
  const table value = random_table(2, 3, 1);
  parameter<B> p("p", put<B>(value)), q("q", put<B>(random_table(2, 3, 2)));
  const variable<B> u = scale(variable<B>(p, &t), 2), v = scale(variable<B>(q, &t), 3);
  const variable<B> s = add(u, v);         // hands the buffer of its gradient to u and to v
  const variable<B> d = add(u, u);         // twice to the same
  const variable<B> after = add(s, v, u);  // and both are used further on
  // loss = sum(2 s) + sum(d) + sum(after) + sum(7 u), in u: 2 + 2 + 2 + 7 = 13, in v: 2 + 2 = 4
  const variable<B> loss = add(add(sum(scale(s, 2)), sum(d)), add(sum(after), sum(scale(u, 7))));
  t.backward(loss);
  CHECK(difference(get(p.gradient()), ones(2, 3, 26)) < tolerance<B>);
  CHECK(difference(get(q.gradient()), ones(2, 3, 12)) < tolerance<B>);
}

TEST_CASE_TEMPLATE("autograd/tape: an upstream gradient that was shared is not changed by those who got it", B,
                   GMOE_TEST_BACKENDS) {
  // a = x + y hands its gradient on to x and y; x then gets a second contribution from a product recorded earlier.
  tape<B> t;
  const table tx = random_table(3, 3, 1), ty = random_table(3, 3, 2), tr = random_table(3, 3, 3);
  parameter<B> px("x", put<B>(tx)), py("y", put<B>(ty));
  const variable<B> x = scale(variable<B>(px, &t), 1), y = scale(variable<B>(py, &t), 1);
  const variable<B> squares = matmul(x, x);
  const variable<B> a = add(x, y);
  const variable<B> loss = dot(add(a, squares), constant<B>(tr));
  t.backward(loss);
  const table dxx = each([](double u, double v, double w) { return u + v + w; }, tr, product_transposed(tr, tx),
                         product(transposed(tx), tr));
  CHECK(difference(get(px.gradient()), dxx) < tolerance<B>);
  CHECK(difference(get(py.gradient()), tr) < tolerance<B>);
}

TEST_CASE_TEMPLATE("autograd/tape: parameters accumulate over backward passes, other gradients do not", B,
                   GMOE_TEST_BACKENDS) {
  tape<B> t;
  parameter<B> p("p", put<B>(random_table(2, 2, 1)));
  for (int pass = 1; pass <= 3; ++pass) {
    const variable<B> x(p, &t);
    t.backward(sum(scale(add(x, x), 2)));
    CHECK(difference(get(p.gradient()), ones(2, 2, 4.0 * pass)) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("autograd/tape: stop_gradient cuts; a result that nobody differentiates records nothing", B,
                   GMOE_TEST_BACKENDS) {
  tape<B> t;
  const table value = random_table(2, 2, 1);
  parameter<B> p("p", put<B>(value));
  const variable<B> x(p, &t), cut = stop_gradient(x);
  CHECK(cut.value().data() == x.value().data());
  CHECK_FALSE(cut.needs_gradient());
  const variable<B> constant_result = multiply(cut, cut);
  CHECK_FALSE(constant_result.needs_gradient());
  CHECK(t.empty());
  t.backward(sum(multiply(x, cut)));  // d/dx x sg(x) = x, not 2 x
  CHECK(difference(get(p.gradient()), value) < tolerance<B>);
}

TEST_CASE_TEMPLATE("autograd/tape: without a tape nothing is recorded and nothing allocated for gradients", B,
                   GMOE_TEST_BACKENDS) {
  parameter<B> p("p", put<B>(random_table(2, 2, 1)));
  const variable<B> x(p, nullptr);
  const variable<B> y = sum(multiply(x, add(x, x)));
  CHECK(y.recorded_on() == nullptr);
  CHECK_FALSE(y.needs_gradient());
  CHECK_FALSE(p.has_gradient());
}

TEST_CASE_TEMPLATE("autograd/tape: a result that does not reach the loss costs no backward work", B,
                   GMOE_TEST_BACKENDS) {
  tape<B> t;
  parameter<B> p("p", put<B>(random_table(2, 2, 1)));
  const variable<B> x(p, &t);
  bool ran = false;
  const variable<B> unused = make_result(
      matrix<B>(1, 1), [&ran](const variable<B>&) { ran = true; }, x);
  t.backward(sum(x));
  CHECK_FALSE(ran);
  CHECK_FALSE(unused.has_gradient());
}

TEST_CASE_TEMPLATE("autograd/tape: values that no backward step reads are released at once", B, GMOE_TEST_BACKENDS) {
  auto& memory = pool<typename B::memory>::instance();
  parameter<B> p("p", put<B>(random_table(64, 64, 1)));
  p.gradient();
  tape<B> t;
  const std::size_t before = memory.statistics().in_use, one = 64 * 64 * sizeof(typename B::scalar);
  const variable<B> w(p, &t);
  variable<B> x = w;
  for (int i = 0; i < 20; ++i) x = add(x, w);
  CHECK(memory.statistics().in_use <= before + 2 * one);  // the last sum
  const variable<B> handle = x.without_value();
  CHECK(handle.rows() == 64);
  CHECK(handle.needs_gradient());
  CHECK_THROWS_WITH_AS(handle.value(), "variable::value: this handle was made without the value, of 64 x 64",
                       config_error);
  t.backward(sum(x));
  for (double g : get(p.gradient()).values) CHECK(g == 21);
}

TEST_CASE_TEMPLATE("autograd/tape: activations are released as the backward pass goes", B, GMOE_TEST_BACKENDS) {
  auto& memory = pool<typename B::memory>::instance();
  memory.trim();  // no larger buffer waits that a request could take
  parameter<B> p("p", put<B>(random_table(64, 64, 1)));
  p.gradient();
  tape<B> t;
  const std::size_t before = memory.statistics().in_use, one = 64 * 64 * sizeof(typename B::scalar);
  variable<B> loss;
  {
    variable<B> x = scale(variable<B>(p, &t), 1);
    for (int i = 0; i < 20; ++i) x = square(x);
    loss = sum(x);
  }
  CHECK(memory.statistics().in_use >= before + 21 * one);
  memory.reset_peak();
  t.backward(loss);
  loss = variable<B>();
  CHECK(memory.statistics().in_use == before);
  CHECK(memory.statistics().peak <= before + 25 * one);  // gradients do not pile up on the activations
}

TEST_CASE_TEMPLATE("autograd/tape: a step that repeats takes nothing new from the system", B, GMOE_TEST_BACKENDS) {
  auto& memory = pool<typename B::memory>::instance();
  parameter<B> p("p", put<B>(random_table(33, 33, 1)));
  tape<B> t;
  std::size_t after_first = 0;
  for (int step = 0; step < 5; ++step) {
    const variable<B> x(p, &t);
    t.backward(sum(matmul(square(matmul(x, x)), x)));
    if (step == 0) after_first = memory.statistics().system_allocations;
  }
  CHECK(memory.statistics().system_allocations == after_first);
}

TEST_CASE_TEMPLATE("autograd/tape: an attempt that fails leaves nothing on the tape, and what was there before", B,
                   GMOE_TEST_BACKENDS) {
  tape<B> t;
  parameter<B> p("p", put<B>(random_table(2, 3, 1)));
  const auto record_much = [&](const variable<B>& x) {
    variable<B> y = x;
    for (int i = 0; i < 2000; ++i) y = scale(y, 1);  // more than a chunk
    return y;
  };
  const auto fail = [&] {
    const typename tape<B>::attempt attempt(&t);
    record_much(variable<B>(p, &t));
    throw numeric_error("half-way");
  };
  CHECK_THROWS_AS(fail(), numeric_error);
  CHECK(t.empty());

  const variable<B> loss = sum(scale(variable<B>(p, &t), 3));
  CHECK_THROWS_AS(fail(), numeric_error);
  CHECK_FALSE(t.empty());
  variable<B> more;
  {
    const typename tape<B>::attempt attempt(&t);  // one that does not fail
    more = add(loss, sum(record_much(variable<B>(p, &t))));
  }
  CHECK_THROWS_AS(fail(), numeric_error);
  t.backward(more);
  CHECK(difference(get(p.gradient()), ones(2, 3, 4)) < tolerance<B>);
  const typename tape<B>::attempt without(nullptr);
}
