#include "gmoe/moe/balance/crowding_loss.hpp"

#include <doctest/doctest.h>

#include "gmoe/autograd/gradient_check.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

constexpr double beta = 0.4;

/// sum_i (c_i - c) / c mean of p_ti, in loops; rows without a choice do not count.
double crowding_in_loops(const table& p, const std::vector<id_type>& chosen, std::size_t k, double rows) {
  const auto n = static_cast<std::size_t>(p.cols);
  const double even = static_cast<double>(k) * rows / static_cast<double>(n);
  double loss = 0;
  for (std::size_t e = 0; e < n; ++e) {
    double count = 0, sum = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i)
      if (chosen[i] == static_cast<id_type>(e)) {
        ++count;
        sum += p.values[i / k * n + e];
      }
    if (count > 0) loss += (count - even) / even * sum / count;
  }
  return beta * loss;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/balance/crowding_loss: the scores of who is there, against loops", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, crowding_loss> loss({.beta = beta});
  const auto value = [&](const routing<B>& r) {
    return static_cast<double>(loss.ask(hooks::layer_loss{}, context<B>{}, r).value().item());
  };
  const table p = random_table(4, 3, 2, 0.1, 0.9);
  const std::vector<id_type> one{0, 0, 2, 0}, two{0, 2, 0, 2, 2, 0, 1, 0};
  CHECK(value(routing_of<B>(p, one)) == doctest::Approx(crowding_in_loops(p, one, 1, 4)).epsilon(1e-6));
  CHECK(value(routing_of<B>(p, two)) == doctest::Approx(crowding_in_loops(p, two, 2, 4)).epsilon(1e-6));
  // Even: nobody is crowded. One expert is never.
  CHECK(value(routing_of<B>(table(3, 3, 0.7), {2, 0, 1})) == doctest::Approx(0));
  CHECK(value(routing_of<B>(table(2, 1, 0.7), {0, 0})) == doctest::Approx(0));
  // All at one of four: (4 - 1) / 1 times its mean score.
  CHECK(value(routing_of<B>(table(4, 4, 0.5), {3, 3, 3, 3})) == doctest::Approx(beta * 3 * 0.5).epsilon(1e-6));
  // Padding chooses nobody and makes no share smaller.
  routing<B> r = routing_of<B>(p, {0, 0, 2, no_choice});
  r.valid = {put<B>(table(4, 1, {1, 1, 1, 0})), 3};
  CHECK(value(r) == doctest::Approx(crowding_in_loops(p, {0, 0, 2, no_choice}, 1, 3)).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/balance/crowding_loss: gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> p("p", put<B>(random_table(4, 3, 2)));
  policy_alone<B, crowding_loss> loss({.beta = beta});
  const auto report = check_gradients<B>({&p}, [&](tape<B>* tape) {
    routing<B> r = routing_of<B>(table(4, 3), {0, 2, 0, 2, 2, 0, 1, 0});
    r.scores = variable<B>(p, tape);
    context<B> ctx;
    ctx.tape = tape;
    return loss.ask(hooks::layer_loss{}, ctx, r);
  });
  CHECK(report.worst < 1e-7);
}
