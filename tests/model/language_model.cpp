#include "gmoe/model/language_model.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

#include "gmoe/backend/shapes.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::named;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

struct recorder : observer<B> {
  std::vector<std::pair<std::string, index_t>> seen;
  void see(std::string_view what, index_t block, const matrix<B>&) override { seen.emplace_back(what, block); }
};

/// Throws in the last block, when there is much on the tape.
struct failing_router : linear_router {
  static inline bool armed = false;
  template <class Backend>
  variable<Backend> logits(const place<Backend>& at, const variable<Backend>& x, const auto& my) const {
    if (armed && at.block == 2) throw numeric_error("the router failed");
    return linear_router::logits(at, x, my);
  }
};
/// Throws when the whole pass is on the tape.
struct failing_loss {
  using slot = slots::balance;
  static inline bool armed = false;
  template <class Backend>
  variable<Backend> layer_loss(const place<Backend>& at, const routing<Backend>& r) const {
    if (armed) throw numeric_error("the loss failed");
    return switch_loss{.alpha = 0.3}.layer_loss(at, r);
  }
};

/// What becomes of a model between its forward and its backward pass.
enum class fate { stays, moves, goes };

/// Every gradient of a model with this fate. Where it was, nothing can be read afterwards.
template <class Card>
std::vector<std::vector<double>> gradients_after(fate how) {
  using model_type = language_model<Card, B>;
  alignas(model_type) std::byte place[sizeof(model_type)];
  auto* const first = new (place) model_type(gmoe_test::small_sizes(), gmoe_test::small_card<Card>());
  gmoe_test::randomise(*first);
  std::vector<std::shared_ptr<matrix<B>>> gradients;
  for (parameter<B>* p : first->parameters()) gradients.push_back(p->gradient_place());
  tape<B> t;
  const auto l = gmoe_test::losses_of(*first, text(2, 5, 11), true, &t);
  std::optional<model_type> second;
  if (how == fate::moves) second.emplace(std::move(*first));
  if (how != fate::stays) {
    first->~model_type();
    std::memset(place, 0xff, sizeof place);
  }
  t.backward(l.total);
  if (how == fate::stays) first->~model_type();
  std::vector<std::vector<double>> values;
  for (const auto& g : gradients) values.push_back(g->to_host());
  return values;
}

double loss(const language_model<gmoe_card, B>& model, bool training, std::uint64_t seed) {
  context<B> ctx;
  ctx.training = training;
  ctx.random = random_stream(seed);
  return model.loss(ctx, text(2, 5, 11).on<B>(11)).total.value().item();
}

}  // namespace

TEST_CASE("model/language_model: every parameter once, under a name of its own") {
  language_model<gmoe_card, B> model(gmoe_test::small_sizes());
  std::set<std::string> names;
  std::set<const parameter<B>*> places;
  for (const parameter<B>* p : model.parameters()) {
    CHECK(names.insert(p->name()).second);
    CHECK(places.insert(p).second);
    CHECK(p->value().rows() == p->rows());
    CHECK(p->value().cols() == p->cols());
  }
  CHECK(names.size() == 2 + 3 * (8 + 2) + 2 + 4 + 3 * 6 + 2);
  // The pool and the GRU are there once although three layers use them.
  CHECK(names.count("experts.w_in") == 1);
  CHECK(names.count("router.gru.weight_hh") == 1);
  CHECK(names.count("router.2.gate_head") == 1);
  CHECK(names.count("h.1.moe.local.w_out") == 1);
}

TEST_CASE("model/language_model: a model of shapes only has the same parameters, without memory") {
  const sizes s = gmoe_test::small_sizes();
  language_model<gmoe_card, B> model(s);
  language_model<gmoe_card, shapes> counted(s, 1, build_mode::shapes_only);
  const auto all = model.parameters();
  const auto its = counted.parameters();
  REQUIRE(all.size() == its.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i]->name() == its[i]->name());
    CHECK(all[i]->rows() == its[i]->rows());
    CHECK(all[i]->cols() == its[i]->cols());
    CHECK(its[i]->value().empty());
  }
}

TEST_CASE("model/language_model: the seed decides the weights") {
  const sizes s = gmoe_test::small_sizes();
  language_model<gmoe_card, B> a(s, 1), b(s, 1), c(s, 2);
  CHECK(loss(a, false, 0) == loss(b, false, 0));
  CHECK(loss(a, false, 0) != loss(c, false, 0));
  // GPT-2's initial weights: small, and smaller for what adds to the residual stream.
  const auto deviation = [](const parameter<B>& p) {
    return std::sqrt(B::sum_of_squares(p.value().view()) / static_cast<double>(p.size()));
  };
  sizes wide = s;
  wide.d_model = 64;
  language_model<gmoe_card, B> large(wide);
  CHECK(deviation(named(large, "h.0.attn.c_attn.weight")) == doctest::Approx(0.02).epsilon(0.05));
  CHECK(deviation(named(large, "h.0.attn.c_proj.weight")) == doctest::Approx(0.02 / std::sqrt(6.0)).epsilon(0.05));
  CHECK(deviation(large.moe().bank().w_out()) == doctest::Approx(0.02).epsilon(0.05));
  CHECK(deviation(large.token_embedding()) == doctest::Approx(0.02).epsilon(0.1));
}

TEST_CASE("model/language_model: dropout in training only, a function of the step's random stream") {
  sizes s = gmoe_test::small_sizes();
  language_model<gmoe_card, B> without(s);
  s.dropout = 0.2;
  language_model<gmoe_card, B> with_dropout(s);
  gmoe_test::randomise(without);
  gmoe_test::randomise(with_dropout);
  CHECK(loss(with_dropout, false, 1) == loss(without, false, 2));
  CHECK(loss(with_dropout, true, 1) != loss(with_dropout, false, 1));
  CHECK(loss(with_dropout, true, 1) == loss(with_dropout, true, 1));
  CHECK(loss(with_dropout, true, 1) != loss(with_dropout, true, 2));
  CHECK(loss(without, true, 1) == loss(without, true, 2));
  // The masks are drawn again in the backward pass.
  s.d_model = 4;
  s.d_ff = 6;
  language_model<gmoe_no_logits_card, B> small(s, gmoe_test::small_card<gmoe_no_logits_card>());
  gmoe_test::randomise(small, 2);
  CHECK(gmoe_test::differences(small, text(2, 4, 11), true).worst < 1e-7);
  language_model<dense_card, B> dense(s);
  gmoe_test::randomise(dense, 2);
  CHECK(gmoe_test::differences(dense, text(2, 4, 11), true).worst < 1e-7);
}

TEST_CASE("model/language_model: gradients add up over passes") {
  language_model<gmoe_card, B> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  std::vector<std::vector<double>> once;
  for (int pass = 0; pass < 2; ++pass) {
    tape<B> tape;
    const auto l = gmoe_test::losses_of(model, text(2, 5, 11), false, &tape);
    CHECK(l.total.value().item() == loss(model, false, 0));  // recording changes nothing
    tape.backward(l.total);
    std::size_t i = 0;
    for (parameter<B>* p : model.parameters()) {
      const auto g = p->gradient().to_host();
      if (pass == 0)
        once.push_back(g);
      else
        for (std::size_t j = 0; j < g.size(); ++j) CHECK(g[j] == doctest::Approx(2 * once[i][j]).epsilon(1e-9));
      ++i;
    }
  }
}

TEST_CASE("model/language_model: intermediate values in order") {
  const language_model<gmoe_every_second_card, B> model(gmoe_test::small_sizes());
  recorder r;
  context<B> ctx;
  ctx.observer = &r;
  const auto l = model.loss(ctx, text(2, 5, 11).on<B>(11));
  using list = std::vector<std::pair<std::string, index_t>>;
  CHECK(r.seen == list{{"embeddings", -1},
                       {"attn_out", 0},
                       {"moe_in", 0},
                       {"router_h", 0},
                       {"propagated_logits", 0},
                       {"propagated_features", 0},
                       {"always_out", 0},
                       {"routed_out", 0},
                       {"moe_out", 0},
                       {"block_out", 0},
                       {"attn_out", 1},
                       {"moe_in", 1},
                       {"dense_out", 1},
                       {"block_out", 1},
                       {"attn_out", 2},
                       {"moe_in", 2},
                       {"router_h", 2},
                       {"propagated_logits", 2},
                       {"propagated_features", 2},
                       {"always_out", 2},
                       {"routed_out", 2},
                       {"moe_out", 2},
                       {"block_out", 2},
                       {"ln_f", -1}});
  CHECK(model.moe().layers() == 2);
  REQUIRE(l.found.routings.size() == 2);
  CHECK(l.found.routings[0].block == 0);
  CHECK(l.found.routings[1].block == 2);
  CHECK(l.found.routings[1].layer == 1);
}

TEST_CASE("model/language_model: what it refuses") {
  language_model<gmoe_card, B> model(gmoe_test::small_sizes());
  CHECK(gmoe_test::config_message([&] { gmoe_test::losses_of(model, text(1, 8, 11), false); }) ==
        "a sequence of 8 tokens is longer than the model's 7 positions");
  batch<B> unscored;
  unscored.assign(std::vector<id_type>{1, 2}, {}, 1, 11);
  context<B> ctx;
  CHECK_THROWS_WITH_AS(model.loss(ctx, unscored), "the batch has no targets", data_error);
}

TEST_CASE("model/language_model: nothing to save besides parameters, nothing to do after a step") {
  language_model<gmoe_card, B> model(gmoe_test::small_sizes());
  const double before = loss(model, false, 0);
  model.each_buffer([](const buffer<B>& b) { FAIL(b.name()); });
  CHECK_FALSE(model.hears_steps);
  CHECK_FALSE(model.needs_preparation());
  step_statistics<B> statistics;
  statistics.add(gmoe_test::losses_of(model, text(2, 5, 11), true).found);
  model.after_step(0, statistics);
  CHECK(loss(model, false, 0) == before);
  language_model<dense_card, B> dense(gmoe_test::small_sizes());
  dense.after_step(0, {});  // without a forward pass, and without mixtures
}

TEST_CASE("model/language_model: several passes of a constant model may be under way") {
  language_model<gmoe_card, B> filled(gmoe_test::small_sizes());
  gmoe_test::randomise(filled);
  const auto& model = filled;
  const auto one = text(2, 5, 11, 1).on<B>(11), two = text(1, 7, 11, 2).on<B>(11);
  const auto alone = [&](const batch<B>& data) {
    return model.hidden(language_model<gmoe_card, B>::reading({}, data)).value().to_host();
  };
  auto first = model.begin(language_model<gmoe_card, B>::reading({}, one));
  auto second = model.begin(language_model<gmoe_card, B>::reading({}, two));
  CHECK(model.hidden(second).value().to_host() == alone(two));
  CHECK(model.hidden(first).value().to_host() == alone(one));
  CHECK(first.found().routings[2].chosen.rows() == 10);
  CHECK(second.found().routings[2].chosen.rows() == 7);
  CHECK(gmoe_test::config_message([&] { model.hidden(first); }) ==
        "mixtures run in the order of their depth: number 3 is next, but 0 was asked for");
}

TEST_CASE("model/language_model: a pass that throws leaves nothing on the tape, and the next gives the same bits") {
  language_model<with<smoe_card, failing_router, failing_loss>, B> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  const text t(2, 5, 11);
  const auto pass = [&](tape<B>& on) {
    const auto l = gmoe_test::losses_of(model, t, true, &on);
    on.backward(l.total);
    std::vector<std::vector<double>> all{l.total.value().to_host()};
    for (parameter<B>* p : model.parameters()) {
      all.push_back(p->gradient().to_host());
      p->forget_gradient();
    }
    return all;
  };
  tape<B> clean, used;
  const auto expected = pass(clean);
  for (bool* armed : {&failing_router::armed, &failing_loss::armed}) {
    *armed = true;
    CHECK_THROWS_AS(gmoe_test::losses_of(model, t, true, &used), numeric_error);
    *armed = false;
    CHECK(used.empty());
    CHECK(pass(used) == expected);
  }
  // What somebody else recorded before stays.
  parameter<B> p("p", matrix<B>::filled(1, 1, 2.0));
  const variable<B> square = multiply(variable<B>(p, &used), variable<B>(p, &used));
  failing_router::armed = true;
  CHECK_THROWS_AS(gmoe_test::losses_of(model, t, true, &used), numeric_error);
  failing_router::armed = false;
  used.backward(square);
  CHECK(p.gradient().item() == 4);
}

TEST_CASE("model/language_model: a model may move, or go, between a forward and its backward pass") {
  for (const fate how : {fate::moves, fate::goes}) {
    CHECK(gradients_after<gmoe_card>(how) == gradients_after<gmoe_card>(fate::stays));
    CHECK(gradients_after<switch_shared_card>(how) == gradients_after<switch_shared_card>(fate::stays));
    CHECK(gradients_after<dense_relu_card>(how) == gradients_after<dense_relu_card>(fate::stays));
  }
}
