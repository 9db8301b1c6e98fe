// Paths from expert to expert, drawn step by step, walked for one token after the other.
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

struct raytraced_equations : naive::mixture {
  std::size_t experts = 4, width = 12, steps = 3, fan = 2;
  bool draws = true;

  static double draw(std::size_t block, std::size_t step, std::size_t token) {
    gmoe::random_stream random = step_random;
    if (step > 0) random = random.fork("round").fork(step);
    return random.fork(block).fork(static_cast<std::uint64_t>(gmoe::random_site::selection)).uniform(token);
  }
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const naive::weight& gate = at.w.at("router." + std::to_string(at.layer) + ".gate");
    const std::size_t nobody = experts;
    record.rounds.resize(steps);
    naive::mat y;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      naive::vec u = at.x[t], out(u.size());
      std::size_t last = nobody;
      for (std::size_t s = 0; s < steps; ++s) {
        const bool left = s > 0 && last == nobody;
        std::size_t next = nobody;
        naive::number share;
        if (!left) {
          std::vector<std::size_t> may;  // the last one is the exit
          for (std::size_t e = 0; e <= experts; ++e) {
            const std::size_t ahead = (e + experts - last % experts - 1) % experts + 1;  // 1 ... N
            if (s == 0 ? e < experts : e == nobody || ahead <= fan) may.push_back(e);
          }
          naive::vec z;
          for (const std::size_t e : may) {
            naive::number sum;
            for (std::size_t i = 0; i < u.size(); ++i) sum += gate(e, i) * u[i];
            z.push_back(sum);
          }
          const naive::vec p = naive::softmax(z);
          std::size_t pick = static_cast<std::size_t>(naive::largest(p, 1)[0]);
          if (at.how.training || draws) {
            double up_to = 0, total = 0;
            for (const naive::number& v : p) total += v.value();
            for (pick = 0; (up_to += p[pick].value()) <= draw(at.block, s, t) * total; ++pick) {
            }
          }
          next = may[pick];
          share = p[pick];
        }
        auto& round = record.rounds[s];
        round.chosen.emplace_back();
        if (next != nobody) {
          round.chosen.back().push_back(static_cast<int>(next));
          const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                                (at.layer * experts + next) * width, width, u);
          for (std::size_t i = 0; i < u.size(); ++i) {
            u[i] += share * part[i];
            out[i] += share * part[i];
          }
        }
        last = next;
      }
      y.push_back(out);
    }
    for (auto& round : record.rounds) round.kept = round.chosen;
    return y;
  }
};

}  // namespace

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
