// Paths from expert to expert, drawn step by step, walked for one token after the other.
#include "cards/raytraced.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/raytraced: its equations, and that paths follow the graph until they leave") {
  card_case c{.card = "raytraced", .batch = 3};
  raytraced_equations equations;
  const auto found = check_equations(c, equations);
  REQUIRE(found.routings.size() == 9);
  index_t left = 0, going = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    const auto now = found.routings[i].kept.to_host();
    for (std::size_t t = 0; t < now.size(); ++t) {
      if (i % 3 == 0) {
        CHECK(now[t] != gmoe::no_choice);  // somebody at least
        continue;
      }
      const id_type before = found.routings[i - 1].kept.to_host()[t];
      ++(now[t] == gmoe::no_choice ? left : going);
      if (before == gmoe::no_choice) CHECK(now[t] == gmoe::no_choice);
      if (now[t] != gmoe::no_choice) CHECK(((now[t] - before + 4) % 4 == 1 || (now[t] - before + 4) % 4 == 2));
    }
  }
  CHECK(left > 5);
  CHECK(going > 5);
  c.training = false;  // drawn here too
  check_equations(c, equations);
  c.set = {{"select.draws_in_evaluation", "false"}};
  equations.draws = false;
  check_equations(c, equations);
}

TEST_CASE("cards/raytraced: graphs of other shapes, one expert, everybody after everybody") {
  for (const auto& [experts, fan, steps] : {std::tuple{1, 1, 4}, {1, 3, 2}, {4, 4, 3}, {4, 9, 2}, {3, 1, 5}}) {
    CAPTURE(experts);
    CAPTURE(fan);
    card_case c{.card = "raytraced",
                .set = {{"candidates.fan", std::to_string(fan)}, {"form.steps", std::to_string(steps)}}};
    c.shape.experts = experts;
    raytraced_equations equations;
    equations.experts = static_cast<std::size_t>(experts);
    equations.fan = static_cast<std::size_t>(std::min(fan, experts));
    equations.steps = static_cast<std::size_t>(steps);
    check_equations(c, equations);
  }
}

TEST_CASE("cards/raytraced: one step is a drawn top-1, and without draws the top-1 itself") {
  using B = GMOE_TEST_BACKEND<double>;
  card_case c{.card = "raytraced", .set = {{"form.steps", "1"}, {"select.draws_in_evaluation", "false"}}};
  raytraced_equations equations;
  equations.steps = 1;
  check_equations(c, equations);  // in training

  const auto path = model_of<B>(c);
  using top_one = gmoe::with<gmoe::smoe_card, gmoe::selected_score, gmoe::no_balance>;
  gmoe::language_model<top_one, B> standard(c.shape, gmoe::card<top_one>(gmoe::top_k{.k = 1}));
  randomise(standard);
  path->each_parameter([&](gmoe::parameter<B>& p) {
    if (p.name().starts_with("router")) {
      const auto all = p.value().to_host();
      CHECK(p.rows() == 5);
      named(standard, p.name()).value() =
          gmoe::matrix<B>::from_host(std::vector<double>(all.begin(), all.end() - p.cols()), 4, p.cols());
    }
  });
  const text t(2, 5, c.shape.vocab);
  CHECK(losses_of(*path, t, false).total.value().item() == losses_of(standard, t, false).total.value().item());
  CHECK(losses_of(*path, t, true).total.value().item() != losses_of(standard, t, true).total.value().item());
}

TEST_CASE("cards/raytraced: differences, token by token, padding, and what is refused") {
  card_case c{.card = "raytraced"};
  c.shape.layers = 2;
  check_gradients(c);
  c.set = {{"select.draws_in_evaluation", "false"}};
  check_reading(c);
  gmoe::language_model<gmoe::raytraced_card, GMOE_TEST_BACKEND<double>> model(small_sizes());
  randomise(model);
  check_padding(model, true);

  // Without candidates nobody knows who has left.
  using everybody = gmoe::with<gmoe::raytraced_card, gmoe::all_experts>;
  gmoe::language_model<everybody, GMOE_TEST_BACKEND<double>> lost(small_sizes());
  CHECK(config_message([&] { losses_of(lost, text(1, 3, 11), true); }) ==
        "block 0: softmax_or_exit knows by its candidates who has left, a row for every token; the card takes "
        "successors");
}
