// What must not pass is in tests/compile_fail/; that the cards of the library pass is seen where their models are
// compiled.
#include "gmoe/moe/check_card.hpp"

#include <doctest/doctest.h>

#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/registry.hpp"
#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/router/jittered.hpp"
#include "gmoe/moe/stack.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;

namespace {

/// Wrappers of every slot that lack all functions.
template <class P>
struct bare_around {
  using slot = typename P::slot;
  P of{};
  static constexpr bool shared_between_layers = false;
};
template <class Card, class... Slot>
using wrapped = with<Card, bare_around<answer<Card, Slot>>...>;

/// Whole numbers where a number with a fraction is expected, and the other way round, are answers too.
struct whole_average {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 1; }
  int experts_per_token(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return r.chosen;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("moe/check_card: wrappers of everything that may be wrapped pass", B, shapes,
                   GMOE_TEST_MODULE_BACKENDS) {
  CHECK(check_card<wrapped<gmoe_card, slots::experts, slots::always, slots::router, slots::score, slots::select,
                           slots::capacity, slots::gate, slots::balance, slots::placement, slots::dense, slots::form,
                           slots::attention, slots::candidates>,
                   B>());
  CHECK(check_card<wrapped<gshard_paper_card, slots::select, slots::capacity, slots::gate, slots::balance>, B>());
  CHECK(check_card<wrapped<hash_card, slots::router, slots::gate, slots::balance, slots::always>, B>());
  CHECK(check_card<with<smoe_card, jittered<bare_around<linear_router>>, joint_switch_loss, whole_average>, B>());
}

TEST_CASE("moe/check_card: wrapped policies run as they do alone") {
  using B = GMOE_TEST_BACKEND<double>;
  using plain = with<smoe_card, local_expert>;
  using card = wrapped<plain, slots::experts, slots::always, slots::router, slots::score, slots::select,
                       slots::capacity, slots::gate, slots::balance, slots::placement, slots::form>;
  sizes s;
  s.d_model = 4;
  s.d_ff = 5;
  s.layers = 2;
  s.experts = 3;
  const moe_stack<plain, B> alone(s);
  const moe_stack<card, B> within(s, {.select = {.of = {.k = 2}}});
  const variable<B> x(gmoe_test::put<B>(gmoe_test::random_table(6, 4, 2)));
  auto p = alone.begin({});
  auto q = within.begin({});
  for (index_t l = 0; l < 2; ++l)
    CHECK(gmoe_test::get(alone(p, l, x).value()).values == gmoe_test::get(within(q, l, x).value()).values);
  CHECK(p.loss().value().item() == q.loss().value().item());
}
