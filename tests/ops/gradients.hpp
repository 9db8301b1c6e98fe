#pragma once
/// Finite differences for any operation, in every way that a gradient can arrive and leave.

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "backends.hpp"
#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/reduce.hpp"
#include "naive.hpp"

namespace gmoe_test {

template <class B>
using inputs = std::vector<gmoe::variable<B>>;
/// An operation on some inputs.
template <class B>
using operation = std::function<gmoe::variable<B>(const inputs<B>&)>;

/// A constant, on no tape.
template <class B>
gmoe::variable<B> constant(const table& t) {
  return gmoe::variable<B>(put<B>(t));
}

/// Runs an operation without a tape.
template <class B>
table evaluate(const operation<B>& f, const std::vector<table>& values) {
  inputs<B> x;
  for (const table& v : values) x.push_back(constant<B>(v));
  return get(f(x).value());
}

/// The worst relative error of the gradients of <f(x), r>, r random, over the ways in which an operation is used:
/// of parameters, all and one at a time while the others need no gradient; of intermediate results that get other
/// contributions, shared ones among them, before or after the operation's own.
template <class B>
double gradient_error(const operation<B>& f, const std::vector<table>& values) {
  using namespace gmoe;
  std::vector<parameter<B>> parameters;
  for (std::size_t i = 0; i < values.size(); ++i) parameters.emplace_back("x" + std::to_string(i), put<B>(values[i]));
  const table shape = evaluate<B>(f, values);
  const variable<B> upstream = constant<B>(random_table(shape.rows, shape.cols, 99));
  double worst = 0;
  const auto check = [&](const std::string& way, const std::vector<parameter<B>*>& of, const auto& loss) {
    const gradient_report report = check_gradients<B>(of, loss, 1e-4);
    CAPTURE(way);
    CAPTURE(report.where);
    CAPTURE(report.analytic);
    CAPTURE(report.numeric);
    CHECK(report.worst < 1e-7);
    worst = !(report.worst <= worst) ? report.worst : worst;
  };

  std::vector<parameter<B>*> all;
  for (auto& p : parameters) all.push_back(&p);
  check("parameters", all, [&](tape<B>* t) {
    inputs<B> x;
    for (auto& p : parameters) x.emplace_back(p, t);
    return dot(f(x), upstream);
  });
  for (std::size_t one = 0; one < parameters.size() && parameters.size() > 1; ++one)
    check("one parameter, the others constant", {&parameters[one]}, [&](tape<B>* t) {
      inputs<B> x;
      for (std::size_t i = 0; i < parameters.size(); ++i)
        if (i == one)
          x.emplace_back(parameters[i], t);
        else
          x.emplace_back(parameters[i].value(), t, false);
      return dot(f(x), upstream);
    });
  for (bool first : {true, false})
    check(first ? "other uses recorded first" : "other uses recorded last", all, [&](tape<B>* t) {
      inputs<B> x;
      for (auto& p : parameters) x.push_back(scale(variable<B>(p, t), 1.25));
      const auto others = [&] {
        variable<B> total;
        for (const auto& v : x) {
          const variable<B> r = constant<B>(random_table(v.rows(), v.cols(), 98));
          const variable<B> term = dot(add(v, scale(v, -0.5)), r);
          total = total ? add(total, term) : term;
        }
        return total;
      };
      const variable<B> before = first ? others() : variable<B>();
      const variable<B> mine = dot(f(x), upstream);
      return add(mine, first ? before : others());
    });
  return worst;
}

}  // namespace gmoe_test
