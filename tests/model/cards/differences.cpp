// Every gradient of the total loss against central differences, for cards that together use every router, selection,
// capacity, gate and balance policy. Random choices do not depend on the weights' last digits, so that the loss is
// smooth around them in training, too.
#include <doctest/doctest.h>

#include <memory>
#include <string_view>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

sizes narrow_sizes() {
  sizes s = gmoe_test::small_sizes();
  s.d_model = 4;
  s.d_ff = 6;
  return s;
}
gradient_report report_of(auto& model) {
  gmoe_test::randomise(model, 2);
  return gmoe_test::differences(model, text(2, 4, model.shape().vocab), true);
}
void check_report(const gradient_report& r) {
  INFO(r.where << ": " << r.analytic << " by the tape, " << r.numeric << " by differences");
  CHECK(r.worst < 1e-7);
}
void check_differences_of(std::string_view card, const gmoe_test::numbers& set = {}) {
  CAPTURE(card);
  check_report(report_of(*gmoe_test::small_model(card, narrow_sizes(), set)));
}
/// A card that has no name.
template <class Card>
void check_differences(const Card& card = gmoe_test::small_card<Card>()) {
  language_model<Card, B> model(narrow_sizes(), card);
  check_report(report_of(model));
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
  CHECK(report_of(*gmoe_test::small_model("gmoe", narrow_sizes())).worst > 1e-3);
}

TEST_CASE("model/cards: differences, GMoE with nothing cut or propagated") {
  check_differences<with<gmoe_card, global_router<hidden_state, propagate<cut::nowhere>>>>();
  check_differences_of("gmoe-no-logits");
  using card = with<gmoe_no_local_top2_card, global_router<>, fine_grained<global_pool>>;
  for (const index_t parts : {1, 2}) {
    auto split = gmoe_test::small_card<card>();
    split.experts.granularity = parts;
    check_differences(split);
  }
}

TEST_CASE("model/cards: differences, baselines") {
  check_differences_of("dense");
  check_differences_of("dense-relu");
  check_differences_of("switch");
  check_differences_of("switch-se");
  auto noisy = gmoe_test::small_card<with<switch_card, jittered<linear_router>>>();
  noisy.router.epsilon = 0.2;
  check_differences(noisy);
  check_differences_of("smoe");
  check_differences_of("gshard");
  check_differences_of("gshard-paper");
  check_differences_of("hash");
  check_differences_of("deepseek-moe", {{"experts.granularity", "2"}});
}

TEST_CASE("model/cards: differences, other expert bodies") {
  check_differences_of("xmoe-threshold", {{"experts.granularity", "2"}});  // GELU
  check_differences<with<smoe_card, silu_expert>>();
}
