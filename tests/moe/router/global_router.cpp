#include "gmoe/moe/router/global_router.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

sizes six_wide() {
  sizes s;
  s.d_model = 6;
  return s;
}

/// Names and shapes of what a router visits.
template <class B, class Part>
std::string visited(Part& part) {
  std::string names;
  part.each([&](parameter<B>& p) {
    names += p.name() + " " + std::to_string(p.rows()) + "x" + std::to_string(p.cols()) + ", ";
  });
  return names;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/router/global_router: its parts are its parameters", B, GMOE_TEST_BACKENDS) {
  const sizes s = six_wide();
  const layer_shape shape{0, 0, 2, 4};
  const builder<B> make(1);
  using full = global_router<hidden_state, propagated_logits>;
  full::shared<B> gru(make, s);
  full::layer<B> layer(make, s, shape);
  CHECK(visited<B>(gru) == "gru.weight_ih 18x6, gru.weight_hh 18x6, gru.bias_ih 1x18, gru.bias_hh 1x18, ");
  CHECK(visited<B>(layer) ==
        "h_ln.weight 1x6, h_ln.bias 1x6, prev_score_ln.weight 1x4, prev_score_ln.bias 1x4, prev_score_proj 6x4, "
        "gate_head 4x12, ");
  global_router<propagated_logits>::shared<B> nothing(make, s);
  CHECK(visited<B>(nothing) == "");
  global_router<hidden_state>::layer<B> without(make, s, shape);
  CHECK(visited<B>(without) == "h_ln.weight 1x6, h_ln.bias 1x6, gate_head 4x6, ");
}

TEST_CASE_TEMPLATE("moe/router/global_router: weights as GMoE starts them", B, GMOE_TEST_BACKENDS) {
  const sizes s = six_wide();
  global_router<hidden_state, propagated_logits>::shared<B> shared(builder<B>(1), s);
  const table w_hh = get(shared.gru->w_hh.value());
  const table unit = product(op::transpose, op::none, 1, w_hh, w_hh, 0, {});
  for (index_t i = 0; i < 6; ++i)
    for (index_t j = 0; j < 6; ++j) CHECK(std::abs(unit(i, j) - (i == j)) < 1e-6);
  const auto largest = [](const table& t) {
    double most = 0;
    for (double v : t.values) most = std::max(most, std::abs(v));
    return most;
  };
  const double xavier = std::sqrt(1.5 / 6);
  CHECK(largest(get(shared.gru->w_ih.value())) <= xavier);
  CHECK(largest(get(shared.gru->w_ih.value())) > 0.9 * xavier);
  CHECK(largest(get(shared.gru->b_ih.value())) == 0);
  global_router<hidden_state, propagated_logits>::layer<B> layer(builder<B>(1), s, layer_shape{0, 0, 2, 4});
  CHECK(largest(get(layer.gate.value())) <= 1 / std::sqrt(12.0));
  CHECK(largest(get(layer.gate.value())) > 0.9 / std::sqrt(12.0));
  CHECK(largest(get(layer.z_proj.value())) <= 0.5);
  CHECK(largest(get(layer.z_proj.value())) > 0.4);
}

TEST_CASE_TEMPLATE("moe/router/global_router: the state is replaced, raw", B, GMOE_TEST_BACKENDS) {
  using router = global_router<hidden_state, propagated_logits>;
  const sizes s = six_wide();
  const builder<B> make(1);
  router::shared<B> shared(make, s);
  router::layer<B> first(make.scope("0"), s, layer_shape{0, 0, 2, 4}),
      second(make.scope("1"), s, layer_shape{1, 1, 2, 4});
  router::state<B> state;
  const variable<B> x(put<B>(random_table(5, 6, 2)));
  const variable<B> z = first.logits(context<B>{}, x, shared, state);
  CHECK(state.z.value().data() == z.value().data());
  CHECK(difference(get(state.h.value()), get((*shared.gru)(context<B>{}, x, {}).value())) == 0);  // not its norm
  const table h = get(state.h.value());
  second.logits(context<B>{}, x, shared, state);
  CHECK(difference(get(state.h.value()), h) > 1e-3);
}

TEST_CASE_TEMPLATE("moe/router/global_router: logits propagate between equal numbers of experts", B,
                   GMOE_TEST_BACKENDS) {
  using router = global_router<propagated_logits>;
  const sizes s = six_wide();
  const builder<B> make(1);
  router::shared<B> shared(make, s);
  router::layer<B> four(make, s, layer_shape{0, 0, 2, 4}), three(make, s, layer_shape{1, 1, 2, 3});
  router::state<B> state;
  const variable<B> x(put<B>(random_table(5, 6, 2)));
  four.logits(context<B>{}, x, shared, state);
  CHECK(refusal([&] { three.logits(context<B>{}, x, shared, state); }) ==
        "global_router: logits of 4 experts cannot be propagated to a layer of 3 experts");
}
