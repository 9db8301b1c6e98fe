#include "gmoe/moe/always/local_expert.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/always/local_expert: one expert of full width", B, GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l;
  l.d_model = 6;
  l.d_ff = 12;
  l.initializer_range = 0.5;
  l.granularity = 3;  // routed experts alone are split
  const table x = random_table(5, 6, 2);
  policy_alone<B, local_expert> one({}, {l});
  CHECK(one.parameters() == "own.0.w_in 12x6, own.0.w_out 12x6, ");
  const auto& bank = one.mine().layer.expert.weights;
  CHECK(difference(get(one.ask(hooks::apply{}, context<B>{}, variable<B>(put<B>(x)), routing<B>{}).value()),
                   experts(x, std::vector<std::vector<id_type>>(5, {0}), table{}, {0, 12}, get(bank.w_in().value()),
                           get(bank.w_out().value()), [](double a) { return std::max(a, 0.0); })) < 1e-5);
}
