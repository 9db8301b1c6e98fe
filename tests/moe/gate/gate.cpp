#include "gmoe/moe/gate/gate.hpp"

#include <doctest/doctest.h>

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/ops/reduce.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B, class Gate>
variable<B> weights(const Gate& gate, const routing<B>& r) {
  return policy_alone<B, Gate>(gate).ask(hooks::weights{}, context<B>{}, r);
}

}  // namespace

TEST_CASE_TEMPLATE("moe/gate/gate: weights of the chosen", B, GMOE_TEST_MODULE_BACKENDS) {
  const routing<B> r = routing_of<B>(table(2, 3, {0.5, 0.25, 0.25, 0.125, 0.125, 0.75}), {0, 2, 2, no_choice});
  CHECK(get(weights<B>(selected_score{}, r).value()).values == std::vector<double>{0.5, 0.25, 0.75, 0});
  CHECK(difference(get(weights<B>(renormalised_scores{}, r).value()), table(2, 2, {0.5 / 0.75, 0.25 / 0.75, 1, 0})) <
        1e-6);
  routing<B> dropped = r;
  dropped.kept = put_ids<B>({no_choice, 2, no_choice, no_choice}, 2, 2);
  CHECK(difference(get(weights<B>(scores_over_kept{}, dropped).value()), table(2, 2, {0, 1, 0, 0})) < 1e-6);
  CHECK(difference(get(weights<B>(renormalised_scores{}, dropped).value()),
                   table(2, 2, {0.5 / 0.75, 0.25 / 0.75, 1, 0})) < 1e-6);
  CHECK_FALSE(has_hook<hooks::weights, unit_weight>);
}

TEST_CASE_TEMPLATE("moe/gate/gate: gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  parameter<B> p("p", put<B>(softmax(random_table(5, 4, 3))));
  const variable<B> mix(put<B>(random_table(5, 2, 4)));
  const auto check = [&](auto gate) {
    const auto report = check_gradients<B>({&p}, [&](tape<B>* tape) {
      routing<B> r;
      r.scores = variable<B>(p, tape);
      r.chosen = put_ids<B>({0, 1, 3, 2, 1, 3, 2, 0, 0, 3}, 5, 2);
      r.kept = put_ids<B>({0, no_choice, 3, 2, no_choice, no_choice, 2, 0, no_choice, 3}, 5, 2);
      return dot(mix, weights<B>(gate, r));
    });
    CHECK(report.worst < 1e-8);
  };
  check(selected_score{});
  check(renormalised_scores{});
  check(scores_over_kept{});
}
