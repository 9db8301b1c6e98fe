// What a token meets of experts that share something, and multiplies with: as their equations say.
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

/// Products per token and layer besides attention.
index_t products_in_a_layer(const std::string& card, const numbers& set = {}) {
  const gmoe::sizes s = small_sizes();  // d = 8, m = 12, N = 4
  const index_t all = card_with(card, set).cost(s).multiply_adds;
  const index_t rest = all - s.vocab * s.d_model - s.layers * 4 * s.d_model * s.d_model;
  CHECK(rest % s.layers == 0);
  return rest / s.layers;
}

}  // namespace

TEST_CASE("cards/body_costs: shared matrices are met once, vectors in place of experts are vectors") {
  constexpr index_t d = 8, m = 12, n = 4, k = 2, router = n * d;
  CHECK(products_in_a_layer("molae") == router + k * m * (2 * 4 + d) + 2 * 4 * d);
  CHECK(products_in_a_layer("molae", {{"body.group", "2"}}) == router + k * (m * (2 * 4 + d) + 2 * 4 * d));
  CHECK(products_in_a_layer("grove") == router + k * 2 * d * m + 2 * 2 * d * 2);
  CHECK(products_in_a_layer("grove", {{"body.group", "0"}}) == router + k * 2 * d * m + 2 * d * 2);
  CHECK(products_in_a_layer("mu-moe") == router + 2 * 32 * (n + d + m));
  CHECK(products_in_a_layer("compressed-experts") == router + 2 * d * m + d);
  CHECK(products_in_a_layer("subspace") == router + 2 * d * m + k * 2 * d);
  CHECK(products_in_a_layer("mov") == router + 2 * d * m + n * m);
  CHECK(products_in_a_layer("molora", {{"body.rank", "3"}}) == router + 2 * d * m + n * 2 * 3 * (d + m));
  CHECK(products_in_a_layer("perft", {{"body.width", "3"}}) == router + k * 2 * d * (m + 3));
  CHECK(products_in_a_layer("peer") == 2 * (k * 2 * d + 2 * 8 * d + (2 + 2) * 8));
}
