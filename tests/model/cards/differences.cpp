// Every gradient of the total loss against central differences, for cards that together use every router, selection,
// capacity, gate and balance policy. Random choices do not depend on the weights' last digits, so that the loss is
// smooth around them in training, too.
#include <doctest/doctest.h>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

template <class Card>
void check(bool training = true, sizes s = gmoe_test::small_sizes()) {
  s.d_model = 4;
  s.d_ff = 6;
  language_model<Card, B> model(s);
  gmoe_test::randomise(model, 2);
  const gradient_report r = gmoe_test::differences(model, text(2, 4, s.vocab), training);
  INFO(r.where << ": " << r.analytic << " by the tape, " << r.numeric << " by differences");
  CHECK(r.worst < 1e-7);
}

/// `Router` with the logits that it propagates held at those of the first pass: differences would see through the
/// stop_gradient. One recording per mixture.
template <class Router>
struct replayed : Router {
  template <class Backend>
  struct layer : Router::template layer<Backend> {
    using base = typename Router::template layer<Backend>;
    using base::base;
    matrix<Backend> recorded;

    variable<Backend> logits(const context<Backend>& ctx, const variable<Backend>& x,
                             typename Router::template shared<Backend>& shared,
                             typename Router::template state<Backend>& state) {
      if (state.z) {
        if (recorded.empty()) recorded = state.z.value().clone();
        state.z = ctx.constant(recorded);
      }
      return base::logits(ctx, x, shared, state);
    }
  };
};

}  // namespace

TEST_CASE("model/cards: differences, GMoE with its propagated logits held fixed") {
  check<with<gmoe_card, replayed<gmoe_card::router>>>();
  check<with<gmoe_no_state_card, replayed<gmoe_no_state_card::router>>>();
  check<with<gmoe_every_second_card, replayed<gmoe_card::router>, joint_switch_loss>>();
}

TEST_CASE("model/cards: differences see through the cut when nothing holds the logits") {
  sizes s = gmoe_test::small_sizes();
  s.d_model = 4;
  s.d_ff = 6;
  language_model<gmoe_card, B> model(s);
  gmoe_test::randomise(model, 2);
  CHECK(gmoe_test::differences(model, text(2, 4, s.vocab), true).worst > 1e-3);
}

TEST_CASE("model/cards: differences, GMoE with nothing cut or propagated") {
  check<with<gmoe_card, global_router<hidden_state, propagate<cut::nowhere>>>>();
  check<gmoe_no_logits_card>();
  check<with<gmoe_no_local_top2_card, global_router<>>>();
  sizes s = gmoe_test::small_sizes();
  s.granularity = 2;
  check<with<gmoe_fine_grained_card, global_router<hidden_state>>>(true, s);
}

TEST_CASE("model/cards: differences, baselines") {
  check<dense_card>();
  check<dense_relu_card>();
  check<switch_card>();
  check<switch_shared_card>();
  check<with<switch_card, jittered<linear_router, std::ratio<1, 5>>>>();
  check<smoe_card>();
  check<gshard_card>();
  check<gshard_paper_card>();
  check<hash_card>();
  sizes s = gmoe_test::small_sizes();
  s.granularity = 2;
  check<deepseek_moe_card>(true, s);
}

TEST_CASE("model/cards: differences, other expert bodies") {
  check<with<smoe_card, gelu_expert>>();
  check<with<smoe_card, silu_expert>>();
}
