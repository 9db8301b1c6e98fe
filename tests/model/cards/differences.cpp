// Every gradient of the total loss against central differences, for cards that together use every router, selection,
// capacity, gate and balance policy. Random choices do not depend on the weights' last digits, so that the loss is
// smooth around them in training, too.
#include <doctest/doctest.h>

#include <memory>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

template <class Card>
void check_differences(const Card& card = gmoe_test::small_card<Card>()) {
  sizes s = gmoe_test::small_sizes();
  s.d_model = 4;
  s.d_ff = 6;
  language_model<Card, B> model(s, card);
  gmoe_test::randomise(model, 2);
  const gradient_report r = gmoe_test::differences(model, text(2, 4, s.vocab), true);
  INFO(r.where << ": " << r.analytic << " by the tape, " << r.numeric << " by differences");
  CHECK(r.worst < 1e-7);
}

/// `Router` with the logits that it propagates held at those of the first pass: differences would see through the
/// stop_gradient. One recording per mixture.
template <class Router>
struct replayed {
  using slot = slots::router;
  Router of{};

  /// What `Router` keeps, and the recording.
  template <class Backend>
  struct layer {
    typename Router::template layer<Backend> kept;
    std::shared_ptr<matrix<Backend>> recorded;
  };
  template <class Backend>
  layer<Backend> make_layer(const builder<Backend>& make, const layer_shape& l) const {
    return {of.make_layer(make, l), std::make_shared<matrix<Backend>>()};
  }
  template <class Backend>
  variable<Backend> logits(const place<Backend>& at, const variable<Backend>& x, const auto& my) const {
    variable<Backend>& z = my.carried.z;
    matrix<Backend>& recorded = *my.layer.recorded;
    if (z) {
      if (recorded.empty()) recorded = z.value().clone();
      z = at.constant(recorded);
    }
    return ask<hooks::logits>(of, own{my.layer.kept, my.shared, my.carried}, at, x);
  }
};
template <class Card>
using replayed_router = replayed<answer<Card, slots::router>>;

}  // namespace

TEST_CASE("model/cards: differences, GMoE with its propagated logits held fixed") {
  check_differences<with<gmoe_card, replayed_router<gmoe_card>>>();
  check_differences<with<gmoe_no_state_card, replayed_router<gmoe_no_state_card>>>();
  check_differences<with<gmoe_every_second_card, replayed_router<gmoe_card>, joint_switch_loss>>();
}

TEST_CASE("model/cards: differences see through the cut when nothing holds the logits") {
  sizes s = gmoe_test::small_sizes();
  s.d_model = 4;
  s.d_ff = 6;
  language_model<gmoe_card, B> model(s, gmoe_test::small_card<gmoe_card>());
  gmoe_test::randomise(model, 2);
  CHECK(gmoe_test::differences(model, text(2, 4, s.vocab), true).worst > 1e-3);
}

TEST_CASE("model/cards: differences, GMoE with nothing cut or propagated") {
  check_differences<with<gmoe_card, global_router<hidden_state, propagate<cut::nowhere>>>>();
  check_differences<gmoe_no_logits_card>();
  check_differences<with<gmoe_no_local_top2_card, global_router<>>>();
  auto card = gmoe_test::small_card<with<gmoe_fine_grained_card, global_router<hidden_state>>>();
  card.experts.granularity = 2;
  check_differences(card);
}

TEST_CASE("model/cards: differences, baselines") {
  check_differences<dense_card>();
  check_differences<dense_relu_card>();
  check_differences<switch_card>();
  check_differences<switch_shared_card>();
  auto noisy = gmoe_test::small_card<with<switch_card, jittered<linear_router>>>();
  noisy.router.epsilon = 0.2;
  check_differences(noisy);
  check_differences<smoe_card>();
  check_differences<gshard_card>();
  check_differences<gshard_paper_card>();
  check_differences<hash_card>();
  auto split = gmoe_test::small_card<deepseek_moe_card>();
  split.experts.granularity = 2;
  check_differences(split);
}

TEST_CASE("model/cards: differences, other expert bodies") {
  check_differences<with<smoe_card, gelu_expert>>();
  check_differences<with<smoe_card, silu_expert>>();
}
