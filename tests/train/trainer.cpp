#include "gmoe/train/trainer.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/train/train.hpp"
#include "io/temp_folder.hpp"
#include "short_run.hpp"

namespace {

#if defined(GMOE_TEST_THRUST) || defined(GMOE_TEST_EITHER)  // there models come compiled in double alone
using tested = GMOE_TEST_BACKEND<double>;
#else
using tested = GMOE_TEST_BACKEND<float>;
#endif
using number = tested::scalar;
using model = gmoe::any_model<tested>;

using gmoe_test::short_run;
using gmoe_test::text;
using gmoe_test::tiny;
using gmoe_test::tokens;

/// Top-1 that counts itself what it chose in the training passes of a step, and remembers what it is told.
struct listening {
  using slot = gmoe::slots::select;
  struct counts {
    gmoe::routing_statistics expected, heard;
    std::vector<double> row;
    std::int64_t step = -1;

    void forget(gmoe::index_t experts) {
      expected = {};
      expected.load.resize(static_cast<std::size_t>(experts));
    }
  };
  template <class Backend>
  struct layer {
    std::shared_ptr<counts> seen;
  };
  template <class Backend>
  layer<Backend> make_layer(const gmoe::builder<Backend>&, const gmoe::layer_shape& l) const {
    layer<Backend> made{std::make_shared<counts>()};
    made.seen->forget(l.experts);
    return made;
  }
  gmoe::index_t at_most(const gmoe::layer_shape&) const { return 1; }
  template <class Backend>
  gmoe::id_matrix<Backend> choose(const gmoe::place<Backend>& at, const gmoe::routing<Backend>& r,
                                  const auto& my) const {
    auto chosen = gmoe::top_k{}.choose(at, r);
    if (!at.training) return chosen;
    gmoe::routing_statistics& expected = my.layer.seen->expected;
    ++expected.passes;
    expected.tokens += chosen.rows();
    for (const gmoe::id_type e : chosen.to_host()) ++expected.load[static_cast<std::size_t>(e)], ++expected.pairs;
    gmoe::matrix<Backend> row(1, r.experts);
    Backend::count_choices(row.view(), 1, chosen.view());
    at.add_statistic("asked", std::move(row));
    return chosen;
  }
  template <class Backend>
  void after_step(std::int64_t step, const gmoe::layer_statistics<Backend>& all, const auto& my) const {
    counts& seen = *my.layer.seen;
    seen.heard = all;
    seen.row = all.row("asked");
    seen.step = step;
  }
};

/// A router that fails in the second block, and a loss that fails, when it is their turn.
struct failing_router : gmoe::linear_router {
  static inline int passes_left = -1;
  template <class Backend>
  gmoe::variable<Backend> logits(const gmoe::place<Backend>& at, const gmoe::variable<Backend>& x,
                                 const auto& my) const {
    if (at.block == 1 && passes_left-- == 0) throw gmoe::backend_error("the router failed");
    return gmoe::linear_router::logits(at, x, my);
  }
};
struct failing_loss {
  using slot = gmoe::slots::balance;
  static inline int passes_left = -1;
  template <class Backend>
  gmoe::variable<Backend> loss(const gmoe::findings<Backend>& pass) const {
    if (passes_left-- == 0) throw gmoe::backend_error("the loss failed");
    return gmoe::joint_switch_loss{}.loss(pass);
  }
};

std::unique_ptr<model> make_gmoe(const gmoe::sizes& s = tiny, std::uint64_t seed = 7) {
  return gmoe::make_model<tested>("gmoe", s, seed);
}
gmoe::parameter<tested>& parameter_of(model& m, std::string_view name) {
  for (auto* const p : m.parameters())
    if (p->name() == name) return *p;
  throw gmoe::config_error("no parameter " + std::string(name));
}

/// The model's parameters, one after the other.
std::vector<number> values_of(auto& m) {
  std::vector<number> all;
  m.each_parameter([&](const gmoe::parameter<tested>& p) {
    const auto v = p.value().to_host();
    all.insert(all.end(), v.begin(), v.end());
  });
  return all;
}

std::vector<double> losses_of(gmoe::trainer<model, std::uint8_t>& run, int steps) {
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) losses.push_back(run.step().loss);
  return losses;
}

template <class Error, class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("train/trainer: the same seed gives the same bits, another seed does not") {
  const auto a = make_gmoe(), b = make_gmoe(), c = make_gmoe(tiny, 8);
  gmoe::recipe other = short_run;
  other.seed = 8;
  gmoe::trainer run_a(*a, tokens, short_run), run_b(*b, tokens, short_run), run_c(*c, tokens, other);
  const auto first = losses_of(run_a, 4);
  CHECK(first == losses_of(run_b, 4));
  CHECK(first != losses_of(run_c, 4));
}

TEST_CASE("train/trainer: a saved and resumed run gives bit for bit the losses of an uninterrupted one") {
  const gmoe_test::temp_folder folder;
  const auto file = folder.path / "checkpoint.safetensors";
  const auto whole = make_gmoe();
  gmoe::trainer run(*whole, tokens, short_run);
  const auto expected = losses_of(run, 8);
  CHECK(run.finished());

  std::vector<double> seen;
  {
    const auto first = make_gmoe();
    gmoe::trainer part(*first, tokens, short_run);
    seen = losses_of(part, 3);
    gmoe::save_checkpoint(file, part, "gmoe", "cycle");
  }
  const auto second = make_gmoe(tiny, 99);  // other initial weights: all of them come from the file
  gmoe::trainer part(*second, tokens, short_run);
  gmoe::load_checkpoint(file, part, "gmoe", "cycle");
  CHECK(part.steps_done() == 3);
  for (double l : losses_of(part, 5)) seen.push_back(l);
  CHECK(seen == expected);

  const auto header = gmoe::read_checkpoint_header(file);
  CHECK(header.variant == "gmoe");
  CHECK(header.step == 3);
  CHECK(header.shape.d_model == 16);
  CHECK(header.shape.dropout == 0.1);
  CHECK(header.how.sequence == 12);
}

TEST_CASE("train/trainer: accumulated passes equal one large batch") {
  // Without dropout and with one balance loss per pass, the mean of two halves' gradients is that of the whole only
  // for the language loss; so the balance loss is switched off.
  gmoe::sizes s = tiny;
  s.dropout = 0.2;  // whose masks are those of the samples
  gmoe::any_card card = gmoe::make_card("gmoe");
  gmoe::change_setting(card, "balance.alpha", "0");
  const auto a = gmoe::make_model<tested>(card, s, 7), b = gmoe::make_model<tested>(card, s, 7);
  gmoe::recipe together{.steps = 4, .batch = 8, .sequence = 12, .accumulation = 1, .seed = 7};
  gmoe::recipe halves = together;
  halves.batch = 4;
  halves.accumulation = 2;
  gmoe::trainer run_a(*a, tokens, together), run_b(*b, tokens, halves);
  for (int i = 0; i < 4; ++i) {
    const auto one = run_a.step(), two = run_b.step();
    CHECK(one.tokens == two.tokens);
    CHECK(one.language_loss == doctest::Approx(two.language_loss).epsilon(1e-5));
    CHECK(one.gradient_norm == doctest::Approx(two.gradient_norm).epsilon(1e-4));
  }
}

TEST_CASE("train/trainer: a loss that is not finite stops with the step, and the parameters stay") {
  const auto m = make_gmoe();
  gmoe::trainer run(*m, tokens, short_run);
  run.step();
  gmoe::matrix<tested>& gain = parameter_of(*m, "ln_f.weight").value();
  auto weights = gain.to_host();
  weights[0] = std::numeric_limits<number>::quiet_NaN();
  tested::upload(gain.data(), weights.data(), weights.size() * sizeof(number));
  const auto before = parameter_of(*m, "wte").value().to_host();
  const std::string said = message_of<gmoe::numeric_error>([&] { run.step(); });
  CHECK(said.find("the loss became nan at step 1") != std::string::npos);
  CHECK(run.steps_done() == 1);
  CHECK(parameter_of(*m, "wte").value().to_host() == before);
}

TEST_CASE("train/trainer: a selection hears of all passes of a step, and of nothing else") {
  using listener = gmoe::language_model<gmoe::with<gmoe::smoe_card, listening, gmoe::selected_score>, tested>;
  for (const gmoe::index_t passes : {1, 3}) {
    listener m(tiny, 7);
    gmoe::recipe how = short_run;
    how.accumulation = passes;
    gmoe::trainer run(m, tokens, how);
    for (int step = 0; step < 3; ++step) {
      // A training pass of somebody else is no part of the step, evaluation neither.
      gmoe::batch<tested> data;
      data.assign(std::vector<gmoe::id_type>{1, 2}, std::vector<gmoe::id_type>{2, 3}, 1, 32);
      gmoe::context<tested> ctx;
      ctx.training = true;
      m.loss(ctx, data);
      gmoe::evaluate(m, tokens.first(100), 12, 2);
      const auto seen = [&](gmoe::index_t layer) -> listening::counts& {
        return *m.moe().mine<gmoe::slots::select>(layer).layer.seen;
      };
      for (gmoe::index_t l = 0; l < 2; ++l) seen(l).forget(3);
      run.step();
      for (gmoe::index_t l = 0; l < 2; ++l) {
        const auto &expected = seen(l).expected, &heard = seen(l).heard;
        CHECK(seen(l).step == step);
        CHECK(heard.passes == passes);
        CHECK(heard.tokens == passes * 48);
        CHECK(heard.tokens == expected.tokens);
        CHECK(heard.pairs == expected.pairs);
        CHECK(heard.load == expected.load);
        CHECK(seen(l).row == std::vector<double>(heard.load.begin(), heard.load.end()));
      }
    }
  }
}

TEST_CASE("train/trainer: after a pass that throws the step is repeated as if nothing had happened") {
  using fragile = gmoe::language_model<gmoe::with<gmoe::smoe_card, failing_router, failing_loss>, tested>;
  const auto run_with = [](int* trouble, int passes) {
    fragile m(tiny, 7);
    gmoe::trainer run(m, tokens, short_run);
    std::vector<double> seen;
    for (int i = 0; i < 4; ++i) {
      if (i == 2 && trouble) {
        *trouble = passes;
        const auto before = values_of(m);
        CHECK_THROWS_AS(run.step(), gmoe::backend_error);
        *trouble = -1;
        CHECK(run.steps_done() == 2);
        CHECK(values_of(m) == before);
        for (const auto* p : m.parameters()) CHECK_FALSE(p->has_gradient());
      }
      const auto r = run.step();
      seen.insert(seen.end(), {r.loss, r.gradient_norm});
    }
    const auto values = values_of(m);
    seen.insert(seen.end(), values.begin(), values.end());
    return seen;
  };
  const auto expected = run_with(nullptr, 0);
  for (const int passes : {0, 1}) {  // in the first and in the second pass of the step
    CHECK(run_with(&failing_router::passes_left, passes) == expected);
    CHECK(run_with(&failing_loss::passes_left, passes) == expected);
  }
}

TEST_CASE("train/trainer: a router that gives NaN stops the step, the parameters stay, and the run can go on") {
  const auto a = make_gmoe(), b = make_gmoe();
  gmoe::trainer run(*a, tokens, short_run), clean(*b, tokens, short_run);
  CHECK(run.step().loss == clean.step().loss);
  gmoe::matrix<tested>& gate = parameter_of(*a, "router.1.gate_head").value();
  const auto good = gate.to_host();
  auto bad = good;
  bad[3] = std::numeric_limits<number>::quiet_NaN();
  tested::upload(gate.data(), bad.data(), bad.size() * sizeof(number));
  const auto before = values_of(*a);
  CHECK(message_of<gmoe::numeric_error>([&] { run.step(); }).find("the loss became nan at step 1") !=
        std::string::npos);
  CHECK(std::memcmp(values_of(*a).data(), before.data(), before.size() * sizeof(number)) == 0);
  tested::upload(gate.data(), good.data(), good.size() * sizeof(number));
  CHECK(losses_of(run, 3) == losses_of(clean, 3));
}

TEST_CASE("train/trainer: a card that wants to see the text first is not trained without") {
  const auto m = gmoe::make_model<tested>("hash", tiny, 7);
  CHECK(m->needs_preparation());
  CHECK(message_of<gmoe::config_error>([&] { gmoe::trainer run(*m, tokens, short_run); }) ==
        "the card has a policy that must see the training text first: call model.prepare(counts) with how often each "
        "token id occurs in it");
  std::vector<std::int64_t> counts(32);
  for (const std::uint8_t t : tokens) ++counts[t];
  m->prepare(counts);
  CHECK_FALSE(m->needs_preparation());
  gmoe::trainer run(*m, tokens, short_run);
  CHECK(std::isfinite(run.step().loss));
}

TEST_CASE("train/trainer: sizes and text that do not fit are named") {
  const auto m = make_gmoe();
  gmoe::recipe r = short_run;
  r.sequence = 17;
  CHECK(message_of<gmoe::config_error>([&] {
          gmoe::trainer t(*m, tokens, r);
        }).find("sequence = 17 is longer than the model's 16 positions") != std::string::npos);
  CHECK(message_of<gmoe::data_error>([&] { gmoe::trainer t(*m, tokens.first(5), short_run); }) != "no error");
  gmoe::sizes small = tiny;
  small.vocab = 10;  // the text has ids up to 19
  const auto few = make_gmoe(small);
  CHECK(message_of<gmoe::data_error>([&] {
          gmoe::trainer t(*few, tokens, short_run);
          t.step();
        }).find("outside the vocabulary of 10") != std::string::npos);
}

TEST_CASE("train/train: a model learns: its loss falls far below the unigram entropy") {
  gmoe::sizes s = tiny;
  s.dropout = 0;
  const auto m = make_gmoe(s);
  int steps = 0;
  const auto result = gmoe::train(*m, tokens, {.steps = 150, .batch = 8, .sequence = 12, .learning_rate = 1e-2},
                                  [&](const gmoe::step_report& r) { CHECK(r.step == steps++); });
  CHECK(steps == 150);
  CHECK(gmoe::unigram_entropy(tokens) > 2.9);
  CHECK(result.loss < 1.0);  // the text's own conditional entropy is about 0.35
  CHECK(result.perplexity() == doctest::Approx(std::exp(result.loss)));
  CHECK(result.bits_per_token() == doctest::Approx(result.loss / std::log(2.0)));
  CHECK(result.tokens == 399);
}

TEST_CASE("train/evaluate: the mean over windows does not depend on the batch, and nothing is recorded") {
  const auto m = make_gmoe();
  const auto one = gmoe::evaluate(*m, tokens.first(100), 12, 1), many = gmoe::evaluate(*m, tokens.first(100), 12, 5);
  CHECK(one.tokens == 99);
  CHECK(many.tokens == 99);
  CHECK(one.loss == doctest::Approx(many.loss).epsilon(1e-5));
  CHECK(gmoe::evaluate(*m, tokens.first(100), 12, 1, 2).tokens == 24);
}

TEST_CASE("train/progress: times read like a clock") {
  CHECK(gmoe::clock_text(5) == "0:05");
  CHECK(gmoe::clock_text(65.4) == "1:05");
  CHECK(gmoe::clock_text(7325) == "2:02:05");
  CHECK(gmoe::clock_text(-3) == "0:00");
}
