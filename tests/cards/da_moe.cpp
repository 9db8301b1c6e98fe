// As many experts as attention says that a token is worth.
#include "cards/da_moe.hpp"

#include <set>

#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {
using da_backend = GMOE_TEST_BACKEND<double>;

/// How many experts each token has, layer by layer.
std::vector<std::vector<index_t>> experts_of_tokens(const gmoe::findings<da_backend>& found) {
  std::vector<std::vector<index_t>> all;
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    all.emplace_back();
    for (auto row = kept.begin(); row != kept.end(); row += r.kept.cols())
      all.back().push_back(r.kept.cols() - std::count(row, row + r.kept.cols(), gmoe::no_choice));
  }
  return all;
}
/// Keys of zeros: a token looks at all that it sees equally.
void look_equally(gmoe::any_model<da_backend>& model, index_t d) {
  for (auto* const p : model.parameters()) {
    if (p->name().find("c_attn") == std::string::npos) continue;
    const auto keys = p->value().view().col_block(d, d);
    da_backend::fill(keys, 0.0);
  }
}
}  // namespace

TEST_CASE("cards/da-moe: its equations, differences, products, token by token") {
  card_case c{.card = "da-moe", .set = {{"select.k", "4"}}};
  da_moe_equations e;
  e.k = 4;
  std::set<index_t> different;
  for (const auto& layer : experts_of_tokens(check_equations(c, e))) different.insert(layer.begin(), layer.end());
  CHECK(different.size() >= 3);
  check_reading(c);
  c.training = false;
  check_equations(c, e);
  c.shape.heads = 1;
  c.set = {{"select.k", "3"}, {"balance.alpha", "0.3"}};
  e.k = 3;
  e.alpha = 0.3;
  check_equations(c, e);
  check_reading(c);
  c.training = true;
  c.shape.layers = 1;
  c.sequence = 4;
  c.shape.dropout = 0.2;
  check_gradients(c);
  da_moe_equations one;
  one.k = 1;
  check_products({.card = "da-moe", .set = {{"select.k", "1"}}}, one);
}

TEST_CASE("cards/da-moe: where attention is equal the numbers are known; k = 1 is smoe; reach, padding") {
  const card_case c{.card = "da-moe", .set = {{"select.k", "4"}}};
  const auto model = model_of<da_backend>(c);
  for (const bool training : {true, false}) {
    CHECK(gmoe::check_causality(*model, 6, training).measured == gmoe::reach::past);
    check_padding(*model, training);
  }
  CHECK(card_of(c).reach(true).how == gmoe::reach::past);
  look_equally(*model, c.shape.d_model);  // 4 (1 - 1 / (t + 1)): 0, 2, 2.7, 3, 3.2
  for (const auto& layer : experts_of_tokens(losses_of(*model, text(2, 5, c.shape.vocab), true).found))
    CHECK(layer == std::vector<index_t>{1, 2, 3, 3, 3, 1, 2, 3, 3, 3});
  check_same({.card = "smoe", .set = {{"select.k", "1"}}}, {.card = "da-moe", .set = {{"select.k", "1"}}});
  CHECK(refusal({.card = "da-moe", .set = {{"select.k", "0"}}}) == "select.k is 0, expected at least 1");
  CHECK(refusal({.card = "da-moe", .set = {{"select.k", "5"}}}) ==
        "the selection takes 5 experts per token, but block 0 has only 4");
}
