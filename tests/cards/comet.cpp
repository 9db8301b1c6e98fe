// Trees over the experts, walked node by node.
#include <functional>

#include "cards/check.hpp"
#include "cards/comet.hpp"

using namespace gmoe_test;

namespace {

/// Experts of every token of every routing, sorted by how many tokens have so many.
template <class B>
std::vector<index_t> tokens_by_count(const gmoe::findings<B>& found) {
  std::vector<index_t> tokens;
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    for (index_t t = 0; t < r.kept.rows(); ++t) {
      std::size_t count = 0;
      for (index_t j = 0; j < r.kept.cols(); ++j)
        count += kept[static_cast<std::size_t>(t * r.kept.cols() + j)] != gmoe::no_choice;
      tokens.resize(std::max(tokens.size(), count + 1));
      ++tokens[count];
    }
  }
  return tokens;
}

}  // namespace

TEST_CASE("cards/comet: its equations for any number of experts, sure and unsure") {
  for (const index_t experts : {4, 1, 2, 3, 5, 6, 7}) {
    CAPTURE(experts);
    card_case c{.card = "comet", .set = {{"router.softness", "2.5"}, {"router.entropy", "0.6"}}};
    comet_equations equations;
    c.shape.experts = experts;
    equations.experts = static_cast<std::size_t>(experts);
    equations.softness = 2.5;
    equations.entropy = 0.6;
    check_equations(c, equations);
  }
  card_case c{.card = "comet", .set = {{"router.trees", "3"}, {"router.entropy", "0"}}};
  comet_equations equations;
  equations.trees = 3;
  equations.entropy = 0;
  check_equations(c, equations);
  c = {.card = "comet", .training = false};
  check_equations(c, comet_equations{});
}

TEST_CASE("cards/comet: sure trees choose a leaf each, weighed by the softmax of what the leaves say") {
  card_case c{.card = "comet", .set = {{"router.softness", "1e-9"}}};
  comet_equations equations;
  equations.softness = 1e-9;
  const auto found = check_equations(c, equations);
  const std::vector<index_t> tokens = tokens_by_count(found);
  CHECK(tokens.size() == 3);  // never more than the two trees
  CHECK(tokens[0] == 0);
  CHECK(tokens[1] > 0);  // both trees may choose the same
  CHECK(tokens[2] > 0);
  for (const auto& l : found.losses) CHECK(l.value.value().item() == 0);  // nothing left to be unsure of

  // A new one asks everybody.
  using B = GMOE_TEST_BACKEND<double>;
  const auto fresh = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of({.card = "comet"}), c.shape);
  const text t(2, 5, c.shape.vocab);
  CHECK(tokens_by_count(losses_of(*fresh, t, true).found) == std::vector<index_t>{0, 0, 0, 0, 30});

  // One sure tree: the whole weight is its leaf's.
  c.set = {{"router.softness", "1e-9"}, {"router.trees", "1"}};
  for (const auto& r : check_equations(c,
                                       [] {
                                         comet_equations one;
                                         one.softness = 1e-9;
                                         one.trees = 1;
                                         return one;
                                       }())
                           .routings)
    for (const double w : r.scores.value().to_host()) CHECK((w == 0 || w == 1));
}

TEST_CASE("cards/comet: gradients where weights are exactly 0, token by token, padding") {
  card_case c{.card = "comet", .set = {{"router.softness", "2"}, {"router.entropy", "0.5"}}};
  check_gradients(c);
  c.shape.experts = 6;
  c.shape.layers = 1;
  check_gradients(c);
  check_reading(c);
  gmoe::language_model<gmoe::comet_card, GMOE_TEST_BACKEND<double>> model(small_sizes());
  randomise(model);
  check_padding(model, true);
}

TEST_CASE("cards/comet: leaves that say very different things are weighed without overflow") {
  using B = GMOE_TEST_BACKEND<double>;
  const auto model = model_of<B>({.card = "comet", .set = {{"router.softness", "2"}}});
  model->each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("leaf_bias")) {
      std::vector<double> far(static_cast<std::size_t>(p.size()));
      for (std::size_t i = 0; i < far.size(); ++i) far[i] = i % 3 == 0 ? 5000 : -5000;
      p.value() = gmoe::matrix<B>::from_host(far, 1, p.size());
    }
  });
  gmoe::tape<B> tape;
  const auto l = losses_of(*model, text(2, 5, 11), true, &tape);
  tape.backward(l.total);
  CHECK(std::isfinite(l.total.value().item()));
  model->each_parameter([](gmoe::parameter<B>& p) {
    INFO(p.name());
    for (const double g : p.gradient().to_host()) CHECK(std::isfinite(g));
    p.forget_gradient();
  });
  CHECK(config_message([] {
          gmoe::any_card card = gmoe::make_card<GMOE_TEST_CARDS>("comet");
          gmoe::change_setting(card, "router.softness", "0");
        }).find("router.softness is 0, expected a positive number") != std::string::npos);
}

TEST_CASE("cards/comet: comet-plus learns the order of the leaves") {
  card_case c{.card = "comet-plus",
              .set = {{"router.of.softness", "2"},
                      {"router.warm", "0.9"},
                      {"router.cold", "0.4"},
                      {"router.rounds", "3"},
                      {"router.steps", "2"}}};
  comet_equations equations;
  equations.softness = 2;
  equations.rounds = 3;
  equations.temperature = 0.9 * std::sqrt(0.4 / 0.9);  // in the first of two steps
  check_equations(c, equations);
  c.shape.experts = equations.experts = 3;
  check_equations(c, equations);
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/comet: then comet-plus keeps the order that it likes most, and nothing trains it any more") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "comet-plus", .set = {{"router.of.softness", "2"}, {"router.steps", "2"}}};
  const auto model = model_of<B>(c);
  const text t(2, 5, c.shape.vocab);
  const auto loss_at = [&](const auto& m, std::int64_t step) {
    gmoe::context<B> ctx;
    ctx.step = step;
    return m.loss(ctx, t.on<B>(c.shape.vocab)).total.value().item();
  };
  // In layer l leaf e of both trees belongs to expert (e + l) modulo 4.
  model->each_parameter([](gmoe::parameter<B>& p) {
    if (!p.name().ends_with(".order")) return;
    const int shift = p.name()[std::string("router.").size()] - '0';
    std::vector<double> likes(static_cast<std::size_t>(p.size()));
    for (int i = 0; i < static_cast<int>(p.rows()); ++i)
      for (int e = 0; e < 4; ++e)
        likes[static_cast<std::size_t>(4 * i + e)] = e == (i + shift) % 4 ? 0.5 : 0.1 * e - 0.01 * i;
    p.value() = gmoe::matrix<B>::from_host(likes, p.rows(), 4);
  });
  gmoe::step_statistics<B> passes;
  passes.add(losses_of(*model, t, true).found);
  CHECK(named(*model, "router.0.order").trained());
  model->after_step(0, passes);
  const double in_order = loss_at(*model, 2);
  model->after_step(1, passes);
  model->before_step(2);
  CHECK(!named(*model, "router.0.order").trained());
  CHECK(loss_at(*model, 2) != in_order);

  // The same as comet with its experts in that order.
  gmoe::language_model<gmoe::comet_card, B> plain(c.shape,
                                                  gmoe::card<gmoe::comet_card>(gmoe::tree_router{.softness = 2}));
  randomise(plain);
  CHECK(loss_at(plain, 2) == doctest::Approx(in_order).epsilon(1e-13));
  for (const char* name : {"experts.w_in", "experts.w_out"}) {
    gmoe::parameter<B>& bank = named(plain, name);
    const auto before = bank.value().to_host();
    auto after = before;
    const std::size_t expert = static_cast<std::size_t>(12 * bank.cols());  // numbers of one expert
    for (std::size_t l = 0; l < 3; ++l)
      for (std::size_t e = 0; e < 4; ++e)
        std::copy_n(before.begin() + static_cast<std::ptrdiff_t>((4 * l + (e + l) % 4) * expert), expert,
                    after.begin() + static_cast<std::ptrdiff_t>((4 * l + e) * expert));
    bank.value() = gmoe::matrix<B>::from_host(after, bank.rows(), bank.cols());
  }
  CHECK(loss_at(plain, 2) == doctest::Approx(loss_at(*model, 2)).epsilon(1e-13));
}
