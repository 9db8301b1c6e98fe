#include "gmoe/moe/pass.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/stack.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

sizes three_layers() {
  sizes s;
  s.d_model = 4;
  s.d_ff = 5;
  s.layers = 3;
  s.experts = 3;
  s.initializer_range = 0.5;
  return s;
}

/// A gate that penalises large logits, counts, and looks back.
struct talkative_gate {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r) const {
    CHECK(at.earlier().size() == static_cast<std::size_t>(at.layer.moe_layer) + 1);
    CHECK(&at.earlier().back() == &r);
    CHECK(at.block == r.block);
    at.add_loss("z_loss", scale(sum(multiply(r.logits, r.logits)), 0.125));
    at.add_statistic("rows", matrix<B>::filled(1, 2, static_cast<typename B::scalar>(r.logits.rows())));
    return gather_elements(r.scores, r.chosen);
  }
};

/// A balance that adds a loss and a statistic of its own for every layer, and looks back.
struct adding_balance {
  using slot = slots::balance;
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    CHECK(at.earlier().size() == static_cast<std::size_t>(r.layer) + 1);
    CHECK(&at.earlier().back() == &r);
    CHECK(at.earlier().front().layer == 0);
    at.add_loss("spread", scale(sum(square(r.logits)), 0.25));
    at.add_statistic("asked", matrix<B>::filled(1, 1, 1));
    return switch_loss{.alpha = 0.5}.layer_loss(at, r);
  }
};
/// The same for all layers together.
struct adding_joint_balance {
  using slot = slots::balance;
  template <class B>
  variable<B> loss(const place<B>& at, const findings<B>& all) const {
    CHECK(at.block == -1);
    CHECK(at.step == 7);
    CHECK(at.earlier().size() == all.routings.size());
    at.add_loss("last", sum(square(all.routings.back().logits)));
    return joint_switch_loss{.alpha = 0.5}.loss(all);
  }
};

template <class B, class Stack>
variable<B> run(const Stack& moe, typename Stack::pass& pass, const table& x) {
  variable<B> u(put<B>(x));
  for (index_t l = 0; l < moe.layers(); ++l) u = add(u, moe(pass, l, u));
  return u;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/pass: layers in their order, each once, and of the right width", B, GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<switch_card, B> moe(three_layers());  // mixtures in blocks 0 and 2
  const variable<B> x(put<B>(random_table(5, 4, 1)));
  auto pass = moe.begin({});
  CHECK(refusal([&] { moe(pass, 1, x); }) ==
        "mixtures run in the order of their depth: number 0 is next, but 1 was asked for");
  CHECK(refusal([&] { moe(pass, 0, variable<B>(put<B>(random_table(5, 3, 1)))); }) ==
        "block 0: the mixture takes rows of d_model = 4 numbers, but got 3");
  moe(pass, 0, x);  // a refused call has not taken the layer's place
  CHECK(refusal([&] { moe(pass, 0, x); }) ==
        "mixtures run in the order of their depth: number 1 is next, but 0 was asked for");
  CHECK(refusal([&] { moe(pass, 1, variable<B>(put<B>(random_table(5, 3, 1)))); }) ==
        "block 2: the mixture takes rows of d_model = 4 numbers, but got 3");
  moe(pass, 1, x);
  CHECK(refusal([&] { moe(pass, 2, x); }) == "there are 2 mixtures, but number 2 was asked for");
  CHECK(pass.found().routings.size() == 2);
  CHECK(pass.found().routings[1].block == 2);
  CHECK(pass.found().routings[1].layer == 1);
}

TEST_CASE_TEMPLATE("moe/pass: balance is the mean over layers, and everything that was added counts", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<with<smoe_card, talkative_gate>, B> moe(three_layers(), {.balance = {.alpha = 0.5}});
  auto pass = moe.begin({});
  CHECK_FALSE(pass.balance_loss());  // nothing has run
  CHECK_FALSE(pass.loss());
  run<B>(moe, pass, random_table(5, 4, 1));
  double balance = 0, added = 0;
  for (const routing<B>& r : pass.found().routings) {
    balance += static_cast<double>(moe.layer_loss(r).value().item()) / 3;
    for (const double z : get(r.logits.value()).values) added += 0.125 * z * z;
  }
  CHECK(balance > 0.3);
  CHECK(static_cast<double>(pass.balance_loss().value().item()) == doctest::Approx(balance).epsilon(1e-6));
  CHECK(static_cast<double>(pass.loss().value().item()) == doctest::Approx(balance + added).epsilon(1e-6));
  std::string names;
  double total = 0;
  pass.losses([&](std::string_view name, const variable<B>& value) {
    names += std::string(name) + " ";
    total += static_cast<double>(value.value().item());
  });
  CHECK(names == "balance z_loss z_loss z_loss ");
  CHECK(total == doctest::Approx(balance + added).epsilon(1e-6));

  // The statistics of a step are those of its passes.
  step_statistics<B> step;
  step.add(pass.found());
  step.add(pass.found());
  CHECK(step.of(1, 3).row("rows") == std::vector<double>{10, 10});
  CHECK(step.of(1, 3).pairs == 20);

  const findings<B> moved = std::move(pass).found();
  CHECK(moved.routings.size() == 3);
  CHECK(moved.losses.size() == 3);
}

TEST_CASE_TEMPLATE("moe/pass: a loss over all layers at once, or none", B, GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<with<smoe_card, joint_switch_loss>, B> joint(three_layers(), {.balance = {.alpha = 0.5}});
  auto pass = joint.begin({});
  run<B>(joint, pass, random_table(5, 4, 1));
  CHECK(pass.balance_loss().value().item() == joint_switch_loss{.alpha = 0.5}.loss(pass.found()).value().item());
  CHECK_FALSE(joint.layer_loss(pass.found().routings[0]));  // it has none of its own

  const moe_stack<with<smoe_card, no_balance>, B> none(three_layers());
  auto silent = none.begin({});
  run<B>(none, silent, random_table(5, 4, 1));
  CHECK_FALSE(silent.balance_loss());
  CHECK_FALSE(silent.loss());
  silent.losses([](std::string_view, const variable<B>&) { FAIL("there is no loss"); });
}

TEST_CASE_TEMPLATE("moe/pass: a balance adds losses and statistics, once however often it is asked", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  moe_stack<with<smoe_card, adding_balance>, B> moe(three_layers());
  const table x = random_table(5, 4, 1);
  auto pass = moe.begin({});
  const double before = [&] {  // a loss of the first layer, asked for on the way
    moe(pass, 0, variable<B>(put<B>(x)));
    return pass.loss().value().item();
  }();
  CHECK(pass.found().losses.size() == 1);
  moe(pass, 1, variable<B>(put<B>(x)));
  moe(pass, 2, variable<B>(put<B>(x)));
  double expected = 0;
  for (const routing<B>& r : pass.found().routings) expected += sum(square(r.logits)).value().item() / 4;
  const auto first = pass.loss();
  CHECK(pass.loss().value().item() == first.value().item());
  CHECK(first.value().item() > before);
  std::string names;
  double added = 0;
  pass.losses([&](std::string_view name, const variable<B>& value) {
    names += std::string(name) + " ";
    if (name == "spread") added += value.value().item();
  });
  CHECK(names == "balance spread spread spread ");
  CHECK(added == doctest::Approx(expected).epsilon(1e-12));
  CHECK(pass.found().statistics.size() == 3);
  CHECK(moe.layer_loss(pass.found(), 2).value().item() ==
        switch_loss{.alpha = 0.5}.layer_loss(place<B>{{}, moe.shape(2)}, pass.found().routings[2]).value().item());
  const auto report = check_gradients<B>(moe.parameters(), [&](tape<B>* tape) {
    context<B> ctx;
    ctx.tape = tape;
    auto pass = moe.begin(ctx);
    run<B>(moe, pass, x);
    return pass.loss();
  });
  INFO(report.where);
  CHECK(report.worst < 1e-7);
}

TEST_CASE_TEMPLATE("moe/pass: a balance of all layers is told where it is, and adds", B, GMOE_TEST_MODULE_BACKENDS) {
  const moe_stack<with<smoe_card, adding_joint_balance>, B> moe(three_layers());
  context<B> ctx;
  ctx.step = 7;
  auto pass = moe.begin(ctx);
  run<B>(moe, pass, random_table(5, 4, 1));
  std::string names;
  for (const int twice : {1, 2}) {
    names.clear();
    pass.losses([&](std::string_view name, const variable<B>&) { names += std::string(name) + std::to_string(twice); });
    CHECK(names == "balance" + std::to_string(twice) + "last" + std::to_string(twice));
  }
  CHECK(pass.balance_loss().value().item() == joint_switch_loss{.alpha = 0.5}.loss(pass.found()).value().item());
}

TEST_CASE_TEMPLATE("moe/pass: gradients of balance and of what was added", B, GMOE_TEST_DOUBLE_BACKENDS) {
  moe_stack<with<smoe_card, talkative_gate>, B> moe(three_layers(), {.balance = {.alpha = 0.5}});
  const table x = random_table(5, 4, 1);
  const auto report = check_gradients<B>(moe.parameters(), [&](tape<B>* tape) {
    context<B> ctx;
    ctx.tape = tape;
    auto pass = moe.begin(ctx);
    run<B>(moe, pass, x);
    return pass.loss();
  });
  INFO(report.where);
  CHECK(report.worst < 1e-7);
}
