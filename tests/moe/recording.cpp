#include "gmoe/moe/recording.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "gmoe/model/any_model.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

const text sample(2, 5, 11);

replay<B> record(const any_model<B>& model, bool training) {
  recording<B> seen;
  context<B> ctx;
  ctx.training = training;
  ctx.random = gmoe_test::step_random;
  ctx.observer = &seen;
  return seen.replay(model.loss(ctx, sample.on<B>(11)).found);
}

losses<B> replayed(const any_model<B>& model, const replay<B>& fixed, bool training, tape<B>* tape = nullptr) {
  context<B> ctx;
  ctx.tape = tape;
  ctx.training = training;
  ctx.random = gmoe_test::step_random;
  ctx.replay = &fixed;
  return model.loss(ctx, sample.on<B>(11));
}

}  // namespace

TEST_CASE("moe/recording: replayed by the same weights nothing changes, dropped pairs included") {
  const auto model = gmoe_test::small_model("gshard");
  gmoe_test::randomise(*model);
  const replay<B> fixed = record(*model, true);
  const losses<B> own = gmoe_test::losses_of(*model, sample, true), again = replayed(*model, fixed, true);
  CHECK(gmoe_test::dropped(own.found) > 0);
  CHECK(again.total.value().item() == own.total.value().item());
  CHECK(gmoe_test::dropped(again.found) == gmoe_test::dropped(own.found));
}

TEST_CASE("moe/recording: other weights route like the recorded ones") {
  const auto model = gmoe_test::small_model("gmoe"), other = gmoe_test::small_model("gmoe");
  gmoe_test::randomise(*model);
  gmoe_test::randomise(*other, 9);
  replay<B> fixed = record(*model, false);
  fixed.constants.clear();
  const auto chosen = [](const losses<B>& l) { return l.found.routings[1].chosen.to_host(); };
  CHECK(chosen(replayed(*other, fixed, false)) == chosen(gmoe_test::losses_of(*model, sample, false)));
  CHECK(chosen(replayed(*other, fixed, false)) != chosen(gmoe_test::losses_of(*other, sample, false)));
  // Without constants the logits that propagate are the model's own.
  recording<B> seen;
  context<B> ctx;
  ctx.observer = &seen;
  ctx.replay = &fixed;
  const findings<B> found = other->loss(ctx, sample.on<B>(11)).found;
  CHECK(seen.replay(found).find_constant("propagated_logits", 1)->to_host() ==
        found.routings[0].logits.value().to_host());
}

TEST_CASE("moe/recording: with the constants held, finite differences see GMoE's gradients") {
  sizes s = gmoe_test::small_sizes();
  s.d_model = 4;
  s.d_ff = 3;
  s.layers = 2;
  const auto model = gmoe_test::small_model("gmoe", s);
  gmoe_test::randomise(*model);
  const replay<B> fixed = record(*model, true);
  const auto held = gmoe_test::differences_of<B>(
      model->parameters(), [&](tape<B>* tape) { return replayed(*model, fixed, true, tape).total; });
  INFO(held.where);
  CHECK(held.worst < 1e-7);
  replay<B> loose = fixed;
  loose.constants.clear();  // then logits that no gradient flows into move with the parameters
  CHECK(check_gradients<B>({&gmoe_test::named(*model, "router.0.gate_head")}, [&](tape<B>* tape) {
          return replayed(*model, loose, true, tape).total;
        }).worst > 1e-4);
}

TEST_CASE("moe/recording: a record must fit the pass") {
  const auto model = make_model<B>("gmoe", gmoe_test::small_sizes());
  const replay<B> fixed = record(*model, false);
  context<B> ctx;
  ctx.replay = &fixed;
  CHECK(gmoe_test::config_message([&] { model->loss(ctx, text(1, 5, 11).on<B>(11)); }) ==
        "replay: mixture 0 was recorded for 10 tokens over 4 experts, this pass has 5 over 4");
  sizes s = gmoe_test::small_sizes();
  s.experts = 3;
  const auto fewer = make_model<B>("gmoe", s);
  CHECK(gmoe_test::config_message([&] { fewer->loss(ctx, sample.on<B>(11)); }) ==
        "replay: mixture 0 was recorded for 10 tokens over 4 experts, this pass has 10 over 3");
  s = gmoe_test::small_sizes();
  s.layers = 4;
  const auto deeper = make_model<B>("gmoe", s);
  CHECK(gmoe_test::config_message([&] { deeper->loss(ctx, sample.on<B>(11)); }) ==
        "replay: choices of 3 mixtures, but the model asks for those of number 3");
  replay<B> narrow = fixed;
  narrow.constants[0].value = matrix<B>(10, 2);
  ctx.replay = &narrow;
  CHECK(gmoe_test::config_message([&] { model->loss(ctx, sample.on<B>(11)); }) ==
        "replay: 'propagated_logits' was recorded as 10 x 2, this pass has 10 x 4");
}
