#include "gmoe/autograd/gradient_check.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "differences.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/reduce.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// x^2 with a gradient that is wrong by `factor` in the last element only.
template <class B>
variable<B> square_with_mistake(const variable<B>& x, double factor) {
  matrix<B> y(x.rows(), x.cols());
  B::map(y.view(), 0, fn::value_of<fn::square>{}, x.value().view());
  return make_result(
      std::move(y),
      [x, factor](const variable<B>& y) {
        std::vector<typename B::scalar> g = x.value().to_host();
        const auto dy = y.gradient().to_host();
        for (std::size_t i = 0; i < g.size(); ++i) g[i] = 2 * g[i] * dy[i] * (i + 1 == g.size() ? factor : 1);
        x.add_gradient(matrix<B>::from_host(g, x.rows(), x.cols()));
      },
      x);
}

}  // namespace

TEST_CASE_TEMPLATE("autograd/gradient_check: passes what is right", B, GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> p("p", put<B>(random_table(2, 3, 1))), q("q", put<B>(random_table(2, 3, 2)));
  const table before = get(p.value());
  const auto report = check_gradients<B>({&p, &q}, [&](tape<B>* t) {
    return sum(multiply(square_with_mistake(variable<B>(p, t), 1), variable<B>(q, t)));
  });
  CHECK(report.worst < 1e-8);
  CHECK(get(p.value()).values == before.values);  // values are restored, gradients left at zero
  CHECK(get(p.gradient()).values == std::vector<double>(6, 0.0));
}

TEST_CASE_TEMPLATE("autograd/gradient_check: finds one wrong element and says which", B, GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> p("p", put<B>(random_table(2, 3, 1))), q("q", put<B>(random_table(1, 4, 2, 0.5, 1)));
  const auto report = check_gradients<B>({&p, &q}, [&](tape<B>* t) {
    return add(sum(square(variable<B>(p, t))), sum(square_with_mistake(variable<B>(q, t), 1.001)));
  });
  CHECK(report.where == "q[3]");
  CHECK(report.worst > 1e-4);
  CHECK(report.analytic == doctest::Approx(1.001 * report.numeric).epsilon(1e-8));
}

TEST_CASE_TEMPLATE("autograd/gradient_check: finds a gradient that is missing, or not a number", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> p("p", put<B>(random_table(1, 2, 1, 0.5, 1)));
  const auto with_factor = [&](double factor) {
    return check_gradients<B>({&p}, [&](tape<B>* t) { return sum(square_with_mistake(variable<B>(p, t), factor)); });
  };
  CHECK(with_factor(0).worst > 0.1);
  CHECK(with_factor(-1).worst > 0.1);
  const auto report = with_factor(not_a_number);
  CHECK_FALSE(report.worst < 1e9);
  CHECK(report.where == "p[1]");
}

TEST_CASE_TEMPLATE("autograd/gradient_check: a loss that throws leaves the parameters as they were", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const table value = random_table(2, 3, 1);
  parameter<B> p("p", put<B>(value)), q("q", put<B>(value));
  for (const int allowed : {0, 1, 5}) {
    int calls = 0;
    CHECK_THROWS_AS(check_gradients<B>({&p, &q},
                                       [&](tape<B>* t) {
                                         if (calls++ == allowed) throw numeric_error("half-way");
                                         return add(sum(square(variable<B>(p, t))), sum(square(variable<B>(q, t))));
                                       }),
                    numeric_error);
    CHECK(get(p.value()).values == value.values);
    CHECK_FALSE(p.has_gradient());
    CHECK_FALSE(q.has_gradient());
  }
}

TEST_CASE_TEMPLATE("autograd/gradient_check: along signs, one wrong element has its whole error, a right one none", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> p("p", put<B>(random_table(5, 6, 1))), q("q", put<B>(random_table(7, 9, 2, 0.5, 1)));
  const table before = get(q.value());
  const auto with_factor = [&](double factor) {
    return differences_along_signs<B>({&p, &q}, [&](tape<B>* t) {
      return add(sum(square(variable<B>(p, t))), sum(square_with_mistake(variable<B>(q, t), factor)));
    });
  };
  CHECK(with_factor(1).worst < 1e-8);
  CHECK(get(q.value()).values == before.values);
  CHECK_FALSE(q.has_gradient());
  const auto report = with_factor(1.001);
  CHECK(report.where.starts_with("q, signs "));
  CHECK(report.worst > 1e-4);
  CHECK_FALSE(with_factor(not_a_number).worst < 1e9);
}
