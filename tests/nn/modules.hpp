#pragma once
/// What the tests of modules share.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "backends.hpp"
#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/walk.hpp"
#include "gmoe/ops/reduce.hpp"
#include "naive.hpp"

namespace gmoe_test {

/// The parameters that a module shows, in its order.
template <class B, class Module>
std::vector<gmoe::parameter<B>*> parameters_of(Module& module) {
  gmoe::kept_list<B> all;
  gmoe::walk(module, all);
  return all.parameters;
}
template <class B, class Module>
std::vector<std::string> names_of(Module& module) {
  std::vector<std::string> names;
  for (auto* p : parameters_of<B>(module)) names.push_back(p->name());
  return names;
}

/// Gives every parameter values that are neither 0 nor 1, so that no mistake hides behind them.
template <class B, class Module>
void scramble(Module& module) {
  std::uint64_t seed = 1000;
  for (auto* p : parameters_of<B>(module)) p->value() = put<B>(random_table(p->rows(), p->cols(), ++seed));
}

/// Gradients of <module(x), r> with respect to x and every parameter.
template <class B, class Module, class Run>
void check_module_gradients(Module& module, const table& x, const Run& run) {
  using namespace gmoe;
  parameter<B> px("x", put<B>(x));
  std::vector<parameter<B>*> all = parameters_of<B>(module);
  all.push_back(&px);
  context<B> ctx;
  const variable<B> shape = run(ctx, variable<B>(px, nullptr));
  const variable<B> r(put<B>(random_table(shape.rows(), shape.cols(), 77)));
  const auto report = check_gradients<B>(
      all,
      [&](tape<B>* t) {
        ctx.tape = t;
        return dot(run(ctx, variable<B>(px, t)), r);
      },
      1e-4);
  CAPTURE(report.where);
  CHECK(report.worst < 1e-8);
}

}  // namespace gmoe_test
