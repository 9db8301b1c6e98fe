// Routers shared over depth, in loops over tokens, layers and experts: PathMoE and its controls, Omni-Router, RMoE.
#include "cards/depth_routers.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/depth_routers: every card against its equations, in training and in evaluation") {
  for (const gmoe::card_text& text : gmoe::depth_cards::texts) {
    card_case c{.card = std::string(text.name)};
    const depth_equations equations = equations_of_depth(c.card);
    check_equations(c, equations);
    c.training = false;
    check_equations(c, equations);
    check_reading(c);
  }
}

TEST_CASE("cards/depth_routers: blocks that end early, one expert, all experts") {
  for (const char* name : {"path-moe", "path-cosine", "mono-block"})
    for (const std::size_t block : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
      card_case c{.card = name};
      const std::string field = c.card == "mono-block" ? "router.of.block" : "router.block";
      c.set = {{field, std::to_string(block)}};
      c.shape.layers = 5;
      depth_equations equations = equations_of_depth(c.card);
      equations.block = block;
      check_equations(c, equations);
    }
  for (const index_t experts : {1, 2})
    for (const gmoe::card_text& text : gmoe::depth_cards::texts) {
      card_case c{.card = std::string(text.name)};
      c.shape.experts = experts;
      depth_equations equations = equations_of_depth(c.card);
      equations.experts = equations.k = static_cast<std::size_t>(experts);
      c.set = {{"select.k", std::to_string(experts)}};
      check_equations(c, equations);
    }
}

TEST_CASE("cards/depth_routers: products are counted where a router is asked") {
  for (const std::size_t block : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
    card_case c{.card = "mono-block", .set = {{"router.of.block", std::to_string(block)}}};
    c.shape.layers = 5;
    depth_equations equations = equations_of_depth(c.card);
    equations.block = block;
    check_products(c, equations);
  }
}

TEST_CASE("cards/depth_routers: equal logits are taken in the order of the experts") {
  card_case c{.card = "path-moe"};
  using B = GMOE_TEST_BACKEND<double>;
  const auto model = model_of<B>(c);
  B::fill(named(*model, "router.gate").value().view(), 0.0);
  const auto found = losses_of(*model, text(2, 5, c.shape.vocab), true).found;
  for (const auto& r : found.routings)
    for (const auto ids = r.chosen.to_host(); const id_type e : ids) CHECK(e < 2);
}

TEST_CASE("cards/depth_routers: gradients against differences") {
  for (const char* name :
       {"path-moe", "path-cosine", "low-rank-moe", "mono-block", "omni-router", "rmoe", "rmoe-plain"}) {
    card_case c{.card = name};
    c.shape.layers = 2;
    c.shape.d_model = 4;
    c.shape.d_ff = 5;
    if (c.card.starts_with("rmoe")) c.set = {{"router.width", "3"}};
    if (c.card == "path-cosine") c.set = {{"router.of.width", "3"}};
    check_gradients(c);
  }
}

TEST_CASE("cards/depth_routers: what each is when nothing is shared, and when everything is") {
  // Blocks of one layer route as independent routers do, a block of all layers as the omni-router does: only names
  // differ.
  const auto same = [](card_case a, card_case b, const std::vector<std::pair<std::string, std::string>>& names) {
    using B = GMOE_TEST_BACKEND<double>;
    const auto one = model_of<B>(a), other = model_of<B>(b);
    for (const auto& [from, to] : names) {
      const auto& source = named(*one, from).value();
      named(*other, to).value() = gmoe::matrix<B>::from_host(source.to_host(), source.rows(), source.cols());
    }
    const text t(a.batch, a.sequence, a.shape.vocab);
    CHECK(losses_of(*one, t, true).language.value().item() == losses_of(*other, t, true).language.value().item());
  };
  const card_case smoe{.card = "smoe"};
  same({.card = "path-moe", .set = {{"router.block", "1"}}}, smoe,
       {{"router.gate", "router.0.gate"},
        {"router.group.1.gate", "router.1.gate"},
        {"router.group.2.gate", "router.2.gate"}});
  same({.card = "path-moe", .set = {{"router.block", "0"}}}, smoe,
       {{"router.gate", "router.0.gate"}, {"router.gate", "router.1.gate"}, {"router.gate", "router.2.gate"}});
  same({.card = "mono-block", .set = {{"router.of.block", "1"}}}, {.card = "path-moe", .set = {{"router.block", "1"}}},
       {});
  // A term of low rank that is zero leaves the common router.
  card_case low{.card = "low-rank-moe"};
  using B = GMOE_TEST_BACKEND<double>;
  const auto one = model_of<B>(low), omni = model_of<B>({.card = "path-moe", .set = {{"router.block", "0"}}});
  for (const char* name : {"router.0.up", "router.1.up", "router.2.up"}) B::fill(named(*one, name).value().view(), 0.0);
  const text t(2, 5, low.shape.vocab);
  CHECK(losses_of(*one, t, true).total.value().item() == losses_of(*omni, t, true).total.value().item());
}

TEST_CASE("cards/depth_routers: a fixed router does not move, and the experts do") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "random-router"};
  const auto model = model_of<B>(c);
  gmoe::tape<B> tape;
  tape.backward(losses_of(*model, text(2, 5, c.shape.vocab), true, &tape).total);
  CHECK_FALSE(named(*model, "router.1.gate").trained());
  for (const double g : named(*model, "router.1.gate").gradient().to_host()) CHECK(g == 0);
  CHECK_FALSE(named(*model, "experts.w_in").gradient().empty());
}

TEST_CASE("cards/depth_routers: GMoE with a narrow state is GMoE's router in that space") {
  // Not a card: switches for one's own (docs/variants/path-moe.md).
  using narrow_gmoe =
      gmoe::with<gmoe::gmoe_card, gmoe::narrow<gmoe::global_router<gmoe::hidden_state, gmoe::propagated_logits>>>;
  gmoe::sizes s = small_sizes();
  narrow_gmoe card{};
  card.router.width = 5;
  gmoe::language_model<narrow_gmoe, model_backend> model(s, card);
  CHECK(named(model, "router.gru.weight_hh").cols() == 5);
  CHECK(named(model, "router.1.gate_head").cols() == 10);
  CHECK(named(model, "router.1.down").rows() == 5);
  randomise(model);
  s.layers = 2;
  gmoe::language_model<narrow_gmoe, model_backend> small(s, card);
  randomise(small);
  const auto hold = losses_of(small, text(2, 4, 11), true);
  CHECK(hold.found.routings.size() == 2);
}

TEST_CASE("cards/depth_routers: what they refuse") {
  CHECK(refusal({.card = "path-moe", .set = {{"router.block", "-1"}}}) == "router.block is -1, expected 0 or more");
  CHECK(refusal({.card = "rmoe", .set = {{"router.width", "0"}}}) == "router.width is 0, expected at least 1");
  CHECK(refusal({.card = "low-rank-moe", .set = {{"router.rank", "0"}}}) == "router.rank is 0, expected at least 1");
  CHECK(refusal({.card = "path-cosine", .set = {{"router.of.temperature", "0"}}}) ==
        "router.of.temperature is 0, expected a positive number");
}
