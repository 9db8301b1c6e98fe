#include "gmoe/moe/experts/ring_pool.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/balance/pool_load_loss.hpp"
#include "gmoe/moe/experts/global_pool.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE("moe/experts/ring_pool: windows turn, and are followed by a layer's own") {
  sizes s;
  s.experts = 4;
  const ring_pool pool{.ring = 2, .stride = 3, .own = 1};
  CHECK(pool.total(s, 4) == 8 + 4);
  CHECK(pool.visible(s, 0, 4) == std::vector<id_type>{0, 1, 2, 3, 8});
  CHECK(pool.visible(s, 1, 4) == std::vector<id_type>{3, 4, 5, 6, 9});
  CHECK(pool.visible(s, 2, 4) == std::vector<id_type>{6, 7, 0, 1, 10});
  CHECK(pool.visible(s, 3, 4) == std::vector<id_type>{1, 2, 3, 4, 11});
  CHECK(pool.total(s, 2) == 7 + 2);  // two windows reach no further
  CHECK(pool.visible(s, 1, 2) == std::vector<id_type>{3, 4, 5, 6, 8});
  CHECK(config_message([&] { ring_pool{.stride = 5}.total(s, 2); }) ==
        "experts.stride = 5 would leave experts between windows of experts = 4 that no layer sees");
}

TEST_CASE("moe/experts/ring_pool: without a stride and own experts it is a global pool") {
  using B = model_backend;
  using ring_card = with<smoe_card, ring_pool, pool_load_loss>;
  language_model<ring_card, B> ring(small_sizes(), {.experts = {.stride = 0, .own = 0}, .balance = {.alpha = 0.3}});
  language_model<with<smoe_card, global_pool, joint_switch_loss>, B> global(small_sizes(), {.balance = {.alpha = 0.3}});
  randomise(ring);
  randomise(global);
  const text t(2, 5, 11);
  CHECK(losses_of(ring, t, true).total.value().item() ==
        doctest::Approx(losses_of(global, t, true).total.value().item()).epsilon(1e-13));
}
