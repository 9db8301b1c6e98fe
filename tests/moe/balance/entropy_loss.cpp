#include "gmoe/moe/balance/entropy_loss.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "gmoe/autograd/gradient_check.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

double entropy_of_two(double p) { return -p * std::log(p) - (1 - p) * std::log(1 - p); }

}  // namespace

TEST_CASE_TEMPLATE("moe/balance/entropy_loss: of tokens, and of their mean", B, GMOE_TEST_MODULE_BACKENDS) {
  const table p(3, 2, {0.9, 0.1, 0.5, 0.5, 1, 0});  // mean 0.8, 0.2
  routing<B> r = routing_of<B>(p, {0, 0, 0});
  policy_alone<B, entropy_loss> loss({.beta = 0.3});
  const auto value = [&] { return static_cast<double>(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item()); };
  CHECK(value() == doctest::Approx(0.3 * (entropy_of_two(0.9) + std::log(2.0)) / 3).epsilon(1e-6));
  loss.policy.of_what = entropy_of::mean;
  CHECK(value() == doctest::Approx(-0.3 * entropy_of_two(0.8)).epsilon(1e-6));
  // Rows that do not count are not there.
  r.valid = {put<B>(table(3, 1, {1, 0, 0})), 1};
  CHECK(value() == doctest::Approx(-0.3 * entropy_of_two(0.9)).epsilon(1e-6));
  loss.policy.of_what = entropy_of::token;
  CHECK(value() == doctest::Approx(0.3 * entropy_of_two(0.9)).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/balance/entropy_loss: gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  for (const entropy_of what : {entropy_of::token, entropy_of::mean}) {
    parameter<B> p("p", put<B>(table(3, 2, {0.9, 0.1, 0.5, 0.5, 0.7, 0.3})));
    policy_alone<B, entropy_loss> loss({.beta = 0.3, .of_what = what});
    const auto report = check_gradients<B>({&p}, [&](tape<B>* tape) {
      routing<B> r = routing_of<B>(table(3, 2), {0, 0, 0});
      r.scores = variable<B>(p, tape);
      return loss.ask(hooks::layer_loss{}, context<B>{}, r);
    });
    CHECK(report.worst < 1e-7);
  }
}
