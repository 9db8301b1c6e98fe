// Mixtures in a form, as a user writes them: two of them side by side, one of which is GMoE's over depth.
#include "breadth/check.hpp"
#include "gmoe/moe/recording.hpp"

using namespace gmoe;
using B = gmoe_test::model_backend;

namespace {

/// y = A(x) + B(x)
template <class First, class Second>
struct side_by_side {
  using slot = slots::form;
  using uses = slot_list<>;
  First first{};
  Second second{};
  static constexpr auto fields = std::tuple{field{"first", &side_by_side::first, "one mixture"},
                                            field{"second", &side_by_side::second, "the other"}};
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    const variable<B> a = parts.mixture(&side_by_side::first, at, x);
    return add(a, parts.mixture(&side_by_side::second, at, x));
  }
};

struct my_card {
  side_by_side<gmoe_card, switch_shared_card> form{};
  every_block placement{};
  gpt2_feed_forward dense{};
};

}  // namespace

TEST_CASE("breadth/side_by_side: gradients, and routings, losses and parameters of both mixtures by their names") {
  my_card card{.form = {.first = gmoe::card<gmoe_card>(switch_loss{.alpha = 0.3}),
                        .second = gmoe::card<switch_shared_card>(top_k{.k = 2}, limited_capacity{.factor = 0.5})}};
  language_model<my_card, B> model(gmoe_test::small_sizes(), card);
  gmoe_test::randomise(model, 3);
  const gmoe_test::text text(2, 5, 11);
  // GMoE's logits travel cut from the gradient: held still, as finite differences must see them.
  recording<B> seen;
  context<B> ctx{.training = true, .random = gmoe_test::step_random, .observer = &seen};
  const findings<B> found = model.loss(ctx, text.on<B>(11)).found;
  const replay<B> fixed = seen.replay(found);
  CHECK(fixed.find_constant("propagated_logits", 1, "first") != nullptr);
  CHECK(fixed.find_constant("propagated_logits", 1) == nullptr);
  ctx.observer = nullptr;
  ctx.replay = &fixed;
  const gradient_report report = gmoe_test::differences_of<B>(model.parameters(), [&](tape<B>* tape) {
    ctx.tape = tape;
    return model.loss(ctx, text.on<B>(11)).total;
  });
  INFO(report.where, ": ", report.analytic, " by the tape, ", report.numeric, " by differences");
  CHECK(report.worst < 1e-6);

  REQUIRE(found.routings.size() == 6);
  CHECK(found.routings[2].mixture == "first");
  CHECK(found.routings[2].layer == 1);
  CHECK(found.routings[3].mixture == "second");
  CHECK(found.routings[3].chosen.cols() == 2);
  std::size_t heads = 0;
  model.each_parameter([&](const auto& p) { heads += p.name().ends_with("gate_head"); });
  CHECK(heads == 3);
  CHECK(gmoe_test::named(model, "form.first.experts.w_in").rows() == 4 * 12);       // one pool for all layers
  CHECK(gmoe_test::named(model, "form.second.experts.w_in").rows() == 3 * 4 * 12);  // a pool each
  CHECK(gmoe_test::named(model, "form.second.h.1.moe.local.w_in").rows() == 12);
}
