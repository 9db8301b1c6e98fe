// Which experts a token may ask follows from its id.
#include "cards/maskmoe.hpp"
#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {

/// The experts that ids may ask, from the counts of the case's text, one more for each id: the shuffles are drawn as
/// the library says that it draws them.
std::vector<std::vector<std::vector<int>>> who_sees_whom(const card_case& c, double mass, std::size_t frequent,
                                                         std::size_t rare) {
  const auto vocab = static_cast<std::size_t>(c.shape.vocab);
  std::vector<int> counts(vocab, 1), ids(vocab);
  for (const auto id : text(c.batch, c.sequence, c.shape.vocab).tokens) ++counts[static_cast<std::size_t>(id)];
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](int a, int b) {
    return counts[static_cast<std::size_t>(a)] > counts[static_cast<std::size_t>(b)];
  });
  std::vector<bool> common(vocab);
  double sum = 0;
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (const int id : ids) {
    sum += counts[static_cast<std::size_t>(id)];
    if (sum > mass * all) break;
    common[static_cast<std::size_t>(id)] = true;
  }
  std::vector<std::vector<std::vector<int>>> layers;
  for (std::uint64_t l = 0; l < 3; ++l) {
    layers.emplace_back();
    const auto random = gmoe::random_stream(1).fork("token masks").fork(l);
    for (std::size_t id = 0; id < vocab; ++id) {
      std::vector<int> order{0, 1, 2, 3};
      for (std::size_t i = 3; i > 0; --i) std::swap(order[i], order[random.below(4 * id + i, i + 1)]);
      order.resize(common[id] ? frequent : rare);
      std::sort(order.begin(), order.end());  // of equal scores the lower expert
      layers.back().push_back(order);
    }
  }
  return layers;
}

}  // namespace

TEST_CASE("cards/maskmoe: its equations, differences, and token by token") {
  card_case c{.card = "maskmoe"};
  maskmoe_equations equations;
  equations.visible = who_sees_whom(c, 0.4, 4, 1);
  check_equations(c, equations);
  check_reading(c);
  c.set = {{"candidates.mass", "0.6"}, {"candidates.frequent", "3"}, {"candidates.rare", "2"}};
  equations.visible = who_sees_whom(c, 0.6, 3, 2);
  check_equations(c, equations);
  c.training = false;
  check_equations(c, equations);
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  CHECK(refusal({.card = "maskmoe", .set = {{"candidates.rare", "5"}}}) ==
        "candidates.rare is 5, expected at most the 4 experts that a layer sees");
}

TEST_CASE("cards/maskmoe: where all may be asked it is top-1") {
  const card_case open{.card = "maskmoe", .set = {{"candidates.rare", "4"}}};
  check_same(open, {.card = "sigma-tiny", .set = {{"select.until", "0"}}});
}
