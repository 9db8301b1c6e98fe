// A gated body as a composition of operations on pairs. The library's swiglu_expert computes the same in one operation.
#include "breadth/check.hpp"
#include "gmoe/moe/body/gated.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/pairs.hpp"

using namespace gmoe;

namespace {

/// E(x) = W_out' (silu(W_gate x) * (W_up x))
struct composed_swiglu {
  using slot = slots::body;

  template <class B>
  struct weights {
    expert_units<B> units;
    parameter<B> w_gate, w_up, w_out;  // a row per hidden unit
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    const expert_units<B> units(pool.widths);
    const auto of = [&](const char* name) { return make.normal(name, units.total(), pool.d_model, 0.02); };
    return {units, of("w_gate"), of("w_up"), of("w_out")};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const pair_groups<B> pairs(r.pairs);
    const block_layout blocks = my.weights.units.layout(r.visible);
    const variable<B> rows = gather_pairs(x, pairs);
    const auto of = [&](const parameter<B>& w) {
      return grouped_matmul(rows, at.use(w), blocks, pairs, op::transpose);
    };
    const variable<B> h = multiply(silu(of(my.weights.w_gate)), of(my.weights.w_up));
    return combine_pairs(grouped_matmul(h, at.use(my.weights.w_out), blocks, pairs), r.weights, pairs);
  }
};

}  // namespace

TEST_CASE("breadth/swiglu_body: gradients, and the same loss as the body in one operation") {
  using composed = with<smoe_card, composed_swiglu>;
  using fused = with<smoe_card, swiglu_expert>;
  gmoe_test::check_gradients_of<composed>();
  const sizes s = gmoe_test::small_sizes();
  language_model<composed, gmoe_test::model_backend> one(s);
  language_model<fused, gmoe_test::model_backend> other(s);
  gmoe_test::randomise(one);
  gmoe_test::randomise(other);
  const gmoe_test::text t(2, 5, s.vocab);
  CHECK(gmoe_test::losses_of(one, t, true).total.value().item() ==
        doctest::Approx(gmoe_test::losses_of(other, t, true).total.value().item()).epsilon(1e-12));
}
