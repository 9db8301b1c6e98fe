#include "gmoe/moe/balance/sum_of.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/balance/home_loss.hpp"
#include "gmoe/moe/balance/z_loss.hpp"
#include "moe/balance/loss_gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

layer_shape three_at_home() {
  layer_shape l;
  l.experts = 3;
  auto pool = std::make_shared<seen_experts>();
  pool->homes = {0, 1, 0};
  l.pool = pool;
  return l;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/balance/sum_of: the sum, of two or three", B, GMOE_TEST_MODULE_BACKENDS) {
  const routing<B> r = routing_of<B>(softmax(random_table(4, 3, 7)), {0, 1, 2, 0});
  const auto loss_of = [&]<class Loss>(Loss l) {
    return policy_alone<B, Loss>(l, {three_at_home()}).ask(hooks::layer_loss{}, context<B>{}, r).value().item();
  };
  const double a = loss_of(switch_loss{.alpha = 0.5}), b = loss_of(z_loss{.beta = 0.2}), c = loss_of(home_loss{});
  CHECK(loss_of(sum_of<switch_loss, z_loss>{{.alpha = 0.5}, {.beta = 0.2}}) == doctest::Approx(a + b).epsilon(1e-6));
  CHECK(loss_of(sum_of<switch_loss, z_loss, home_loss>{{.alpha = 0.5}, {.beta = 0.2}, {}}) ==
        doctest::Approx(a + b + c).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("moe/balance/sum_of: gradients", B, GMOE_TEST_DOUBLE_BACKENDS) {
  CHECK(loss_gradient_error<B>(sum_of<switch_loss, home_loss>{}, random_table(4, 3, 7), {0, 1, 2, 0}, three_at_home()) <
        1e-6);
}

TEST_CASE("moe/balance/sum_of: numbers by the names of the terms") {
  struct holder {
    sum_of<switch_loss, z_loss> balance{};
  } card;
  std::vector<setting> all;
  add_settings(card.balance, "balance", all);
  REQUIRE(all.size() == 2);
  CHECK(all[0].path() == "balance.switch.alpha");
  CHECK(all[1].path() == "balance.z.beta");
  all[1].read("0.25");
  CHECK(card.balance.second.beta == 0.25);
}
