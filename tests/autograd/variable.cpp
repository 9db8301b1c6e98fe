#include "gmoe/autograd/variable.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "gmoe/autograd/tape.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("autograd/variable: handles refer to the same matrix", B, GMOE_TEST_BACKENDS) {
  const variable<B> nothing;
  CHECK_FALSE(nothing);
  variable<B> a(put<B>(random_table(2, 3, 1)));
  const variable<B> b = a;
  CHECK(a);
  CHECK(b.rows() == 2);
  CHECK(b.cols() == 3);
  CHECK(b.value().data() == std::as_const(a).value().data());
  CHECK(a.recorded_on() == nullptr);
  CHECK_FALSE(a.needs_gradient());
  variable<B> moved = std::move(a);
  CHECK_FALSE(a);  // NOLINT: a moved-from handle is empty
  a = moved;
  moved = variable<B>();
  CHECK(a.rows() == 2);
}

TEST_CASE_TEMPLATE("autograd/variable: only what is on a tape can need a gradient", B, GMOE_TEST_BACKENDS) {
  tape<B> t;
  parameter<B> p("p", put<B>(random_table(1, 2, 1)));
  CHECK_FALSE(variable<B>(matrix<B>(1, 1), nullptr, true).needs_gradient());
  CHECK_FALSE(variable<B>(matrix<B>(1, 1), &t, false).needs_gradient());
  CHECK(variable<B>(matrix<B>(1, 1), &t, true).needs_gradient());
  CHECK(variable<B>(p, &t).needs_gradient());
  CHECK_FALSE(variable<B>(p, nullptr).needs_gradient());
}

TEST_CASE_TEMPLATE("autograd/variable: the first contribution is written, the next are added", B, GMOE_TEST_BACKENDS) {
  tape<B> t;
  const variable<B> x(matrix<B>(2, 2), &t, true);
  CHECK_FALSE(x.has_gradient());
  gradient_sink<B> first = x.sink();
  CHECK(first.beta == 0);
  B::fill(first.to->view(), typename B::scalar(3));
  CHECK(x.has_gradient());
  const gradient_sink<B> second = x.sink();
  CHECK(second.beta == 1);
  CHECK(second.to->data() == first.to->data());
  x.add_gradient(matrix<B>::filled(2, 2, 2));
  CHECK(get(x.gradient()).values == std::vector<double>(4, 5.0));
}

TEST_CASE_TEMPLATE("autograd/variable: a shared gradient is copied before it is added to", B, GMOE_TEST_BACKENDS) {
  tape<B> t;
  const variable<B> a(matrix<B>(1, 2), &t, true), b(matrix<B>(2, 1), &t, true);
  const matrix<B> contribution = matrix<B>::filled(1, 2, 3);
  a.add_gradient(contribution);
  b.add_gradient(contribution);  // two elements in another shape
  CHECK(a.gradient().data() == contribution.data());
  CHECK(b.gradient().rows() == 2);
  a.add_gradient(contribution);
  CHECK(get(a.gradient()).values == std::vector<double>(2, 6.0));
  B::fill(b.sink().to->view(), typename B::scalar(9));
  CHECK(get(contribution).values == std::vector<double>(2, 3.0));
  CHECK(get(a.gradient()).values == std::vector<double>(2, 6.0));
}

TEST_CASE_TEMPLATE("autograd/variable: a parameter's gradient stays in the parameter", B, GMOE_TEST_BACKENDS) {
  tape<B> t;
  parameter<B> p("p", put<B>(random_table(1, 2, 1)));
  {
    const variable<B> x(p, &t);
    CHECK_FALSE(p.has_gradient());
    CHECK(x.sink().beta == 0);
    const matrix<B> contribution = matrix<B>::filled(1, 2, 4);
    B::fill(x.sink().to->view(), typename B::scalar(0));
    x.add_gradient(contribution);
    CHECK(x.sink().beta == 1);
    CHECK(p.gradient().data() != contribution.data());  // a copy, which others may not change
    const variable<B> again(p, &t);
    again.add_gradient(matrix<B>::filled(1, 2, 1));
  }
  CHECK(get(p.gradient()).values == std::vector<double>(2, 5.0));

  p.forget_gradient();
  const variable<B> fresh(p, &t);
  const matrix<B> contribution = matrix<B>::filled(1, 2, 3);
  fresh.add_gradient(contribution);
  CHECK(p.gradient().data() != contribution.data());
  parameter<B> moved = std::move(p);  // while a tape still knows it
  fresh.add_gradient(contribution);
  CHECK(get(moved.gradient()).values == std::vector<double>(2, 6.0));
}
