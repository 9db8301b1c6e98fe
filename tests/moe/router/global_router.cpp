#include "gmoe/moe/router/global_router.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

using full = global_router<hidden_state, propagated_logits>;

layer_shape six_wide(index_t experts = 4) {
  layer_shape l;
  l.d_model = 6;
  l.experts = experts;
  return l;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/router/global_router: its parts are its parameters", B, GMOE_TEST_MODULE_BACKENDS) {
  const auto parameters = []<class Router>(Router) { return policy_alone<B, Router>({}, {six_wide()}).parameters(); };
  CHECK(parameters(full{}) ==
        "own.0.h_ln.weight 1x6, own.0.h_ln.bias 1x6, own.0.prev_score_ln.weight 1x4, own.0.prev_score_ln.bias 1x4, "
        "own.0.prev_score_proj 6x4, own.0.gate_head 4x12, "
        "group.0.gru.weight_ih 18x6, group.0.gru.weight_hh 18x6, group.0.gru.bias_ih 1x18, group.0.gru.bias_hh 1x18, ");
  CHECK(parameters(global_router<propagated_logits>{}) ==
        "own.0.h_ln.weight 1x6, own.0.h_ln.bias 1x6, own.0.prev_score_ln.weight 1x4, own.0.prev_score_ln.bias 1x4, "
        "own.0.prev_score_proj 6x4, own.0.gate_head 4x12, ");
  CHECK(parameters(global_router<hidden_state>{}) ==
        "own.0.h_ln.weight 1x6, own.0.h_ln.bias 1x6, own.0.gate_head 4x6, "
        "group.0.gru.weight_ih 18x6, group.0.gru.weight_hh 18x6, group.0.gru.bias_ih 1x18, group.0.gru.bias_hh 1x18, ");
  CHECK(parameters(global_router<>{}) == "own.0.h_ln.weight 1x6, own.0.h_ln.bias 1x6, own.0.gate_head 4x6, ");
}

TEST_CASE_TEMPLATE("moe/router/global_router: weights as GMoE starts them", B, GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, full> router({}, {six_wide()});
  const auto mine = router.mine();
  const auto& gru = *mine.shared.gru;
  const auto value = [](const parameter<B>& p) { return get(p.value()); };
  const table w_hh = value(gru.w_hh);
  const table unit = product(op::transpose, op::none, 1, w_hh, w_hh, 0, {});
  for (index_t i = 0; i < 6; ++i)
    for (index_t j = 0; j < 6; ++j) CHECK(std::abs(unit(i, j) - (i == j)) < 1e-6);
  const auto largest = [](const table& t) {
    double most = 0;
    for (double v : t.values) most = std::max(most, std::abs(v));
    return most;
  };
  const double xavier = std::sqrt(1.5 / 6);
  CHECK(largest(value(gru.w_ih)) <= xavier);
  CHECK(largest(value(gru.w_ih)) > 0.9 * xavier);
  CHECK(largest(value(gru.b_ih)) == 0);
  CHECK(largest(value(mine.layer.gate)) <= 1 / std::sqrt(12.0));
  CHECK(largest(value(mine.layer.gate)) > 0.9 / std::sqrt(12.0));
  CHECK(largest(value(*mine.layer.z_proj)) <= 0.5);
  CHECK(largest(value(*mine.layer.z_proj)) > 0.4);
}

TEST_CASE_TEMPLATE("moe/router/global_router: the state is replaced, raw", B, GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, full> router({}, {six_wide(), six_wide()});
  const variable<B> x(put<B>(random_table(5, 6, 2)));
  const variable<B> z = router.ask_in(hooks::logits{}, 0, context<B>{}, x);
  CHECK(router.carried.z.value().data() == z.value().data());
  const auto& gru = *router.mine().shared.gru;
  CHECK(&gru == &*router.mine(1).shared.gru);                                                    // one for all layers
  CHECK(difference(get(router.carried.h.value()), get(gru(context<B>{}, x, {}).value())) == 0);  // not its norm
  const table h = get(router.carried.h.value());
  router.ask_in(hooks::logits{}, 1, context<B>{}, x);
  CHECK(difference(get(router.carried.h.value()), h) > 1e-3);
}

TEST_CASE_TEMPLATE("moe/router/global_router: logits propagate between equal numbers of experts", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, global_router<propagated_logits>> router({}, {six_wide(4), six_wide(3)});
  const variable<B> x(put<B>(random_table(5, 6, 2)));
  router.ask_in(hooks::logits{}, 0, context<B>{}, x);
  CHECK(refusal([&] { router.ask_in(hooks::logits{}, 1, context<B>{}, x); }) ==
        "global_router: logits of 4 experts cannot be propagated to a layer of 3 experts");
}
