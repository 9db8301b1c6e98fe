#include "gmoe/moe/score/softmax_or_exit.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/score/softmax_or_exit: no exit at first, then one among the candidates", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  CHECK(softmax_or_exit{}.columns(4) == 5);
  const double l2 = std::log(2.0), l3 = std::log(3.0), l5 = std::log(5.0);
  routing<B> r;
  r.experts = 2;
  r.logits = variable<B>(put<B>(table(3, 3, {0, l3, l5, l2, 0, 0, 7, 7, 7})));
  policy_alone<B, softmax_or_exit> policy;
  const auto scores = [&] { return get(policy.ask(hooks::scores{}, context<B>{}, r).value()); };
  CHECK(difference(scores(), table(3, 2, {0.25, 0.75, 2.0 / 3, 1.0 / 3, 0.5, 0.5})) < 1e-6);
  CHECK(get(r.noted("exit").value()).values == std::vector<double>{0, 0, 0});

  routing<B> later;
  later.experts = 2;
  later.number = 1;
  later.logits = r.logits;
  CHECK(refusal([&] { policy.ask(hooks::scores{}, context<B>{}, later); }) ==
        "block 0: softmax_or_exit knows by its candidates who has left, a row for every token; the card takes "
        "successors");
  later.mask = put<B>(table(3, 2, {1, 1, 0, 1, 0, 0}));
  const table p = get(policy.ask(hooks::scores{}, context<B>{}, later).value());
  CHECK(difference(p, table(3, 2, {1.0 / 9, 3.0 / 9, 0, 0.5, 0, 0})) < 1e-6);
  CHECK(difference(get(later.noted("exit").value()), table(3, 1, {5.0 / 9, 0.5, 0})) < 1e-6);
}
