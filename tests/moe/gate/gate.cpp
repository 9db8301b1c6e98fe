#include "gmoe/moe/gate/gate.hpp"

#include <doctest/doctest.h>

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/ops/reduce.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/gate/gate: weights of the chosen", B, GMOE_TEST_BACKENDS) {
  const routing<B> r = routing_of<B>(table(2, 3, {0.5, 0.25, 0.25, 0.125, 0.125, 0.75}), {0, 2, 2, no_choice});
  CHECK(get(selected_score::weights(context<B>{}, r).value()).values == std::vector<double>{0.5, 0.25, 0.75, 0});
  CHECK(difference(get(renormalised_scores::weights(context<B>{}, r).value()),
                   table(2, 2, {0.5 / 0.75, 0.25 / 0.75, 1, 0})) < 1e-6);
  CHECK(!unit_weight::weights(context<B>{}, r));
}

TEST_CASE_TEMPLATE("moe/gate/gate: gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> p("p", put<B>(softmax(random_table(5, 4, 3))));
  const variable<B> mix(put<B>(random_table(5, 2, 4)));
  const auto check = [&](auto gate) {
    const auto report = check_gradients<B>({&p}, [&](tape<B>* tape) {
      routing<B> r;
      r.scores = variable<B>(p, tape);
      r.chosen = put_ids<B>({0, 1, 3, 2, 1, 3, 2, 0, 0, 3}, 5, 2);
      return dot(mix, decltype(gate)::weights(context<B>{}, r));
    });
    CHECK(report.worst < 1e-8);
  };
  check(selected_score{});
  check(renormalised_scores{});
}
