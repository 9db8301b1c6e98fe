#include "gmoe/moe/body/biased.hpp"

#include <doctest/doctest.h>

#include "gmoe/model/accounting.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::model_backend;

TEST_CASE("moe/body/biased: without biases it is the body of two matrices, with them it is not") {
  using biased_card = with<smoe_card, biased_expert<fn::relu>>;
  auto plain = gmoe_test::small_model<smoe_card>();
  auto biased = gmoe_test::small_model<biased_card>();
  gmoe_test::randomise(plain);
  gmoe_test::randomise(biased);
  const gmoe_test::text t(2, 5, 11);
  const auto loss = [&](auto& model) { return gmoe_test::losses_of(model, t, true).total.value().item(); };
  parameter<model_backend>& bias = gmoe_test::named(biased, "experts.b_in");
  CHECK(bias.rows() == 3 * 4 * 12);
  CHECK(bias.cols() == 1);
  CHECK(loss(biased) != doctest::Approx(loss(plain)).epsilon(1e-6));
  model_backend::fill(bias.value().view(), 0.0);
  CHECK(loss(biased) == doctest::Approx(loss(plain)).epsilon(1e-13));
  CHECK(cost_of<biased_card>(gmoe_test::small_sizes()).active == cost_of<smoe_card>(gmoe_test::small_sizes()).active);
  CHECK(cost_of<biased_card>(gmoe_test::small_sizes()).total ==
        cost_of<smoe_card>(gmoe_test::small_sizes()).total + bias.size());
}
