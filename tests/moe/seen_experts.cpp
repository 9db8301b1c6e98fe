#include "gmoe/moe/seen_experts.hpp"

#include <doctest/doctest.h>

#include "gmoe/model/cards.hpp"
#include "gmoe/moe/stack.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// Layer l sees the experts l, l + 1 and l + 2 of a pool; two live together. The third expert is narrow.
struct window {
  using slot = slots::experts;
  static constexpr bool shared_between_layers = true;
  index_t total(const sizes&, index_t moe_layers) const { return moe_layers + 2; }
  std::vector<id_type> visible(const sizes&, index_t layer) const {
    const auto first = static_cast<id_type>(layer);
    return {first, first + 1, first + 2};
  }
  index_t width(const sizes& s, index_t e) const { return e == 2 ? s.d_ff / 2 : s.d_ff; }
  index_t home(const sizes&, index_t e) const { return e / 2; }
};

/// The mean square of what is routed, where nobody has kept anything for it.
struct of_input {
  using slot = slots::balance;
  static constexpr bool reads_input = true;
  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    return mean_squared_error(r.input, scale(r.input, 0));
  }
};

}  // namespace

TEST_CASE_TEMPLATE("moe/seen_experts: widths, homes and exposure, by layer; what was routed, on request", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  sizes s;
  s.d_model = 4;
  s.d_ff = 6;
  s.layers = 3;
  moe_stack<with<smoe_card, window, of_input>, B> moe(s);
  const seen_experts& second = *moe.shape(1).pool;
  CHECK(second.ids == std::vector<id_type>{1, 2, 3});
  CHECK(second.widths == std::vector<index_t>{6, 3, 6});
  CHECK(second.homes == std::vector<index_t>{0, 1, 1});
  CHECK(second.exposure == std::vector<index_t>{2, 3, 2});
  CHECK(second.all_ordinary());

  const table x = random_table(5, 4, 1);
  auto pass = moe.begin({});
  for (index_t l = 0; l < 3; ++l) moe(pass, l, variable<B>(put<B>(x)));
  CHECK(pass.found().routings[1].pool == moe.shape(1).pool);
  double squares = 0;
  for (const double v : x.values) squares += v * v / 20;
  CHECK(pass.loss().value().item() == doctest::Approx(squares));

  moe_stack<with<smoe_card, window>, B> usual(s);
  auto other = usual.begin({});
  usual(other, 0, variable<B>(put<B>(x)));
  CHECK(!other.found().routings[0].input);
}

TEST_CASE("moe/seen_experts: kinds have names and places") {
  seen_experts seen;
  seen.ids = {4, 9, 2, 7};
  seen.kinds = {expert_kind::copy, expert_kind::ordinary, expert_kind(5), expert_kind::copy};
  seen.sort_by_kind();
  CHECK(seen.of(expert_kind::copy).ids == std::vector<id_type>{4, 7});
  CHECK(seen.of(expert_kind::copy).numbers == std::vector<id_type>{0, no_choice, no_choice, 1});
  CHECK(seen.of(expert_kind(5)).numbers == std::vector<id_type>{no_choice, no_choice, 0, no_choice});
  CHECK(seen.of(expert_kind::none).numbers == std::vector<id_type>(4, no_choice));
  CHECK(!seen.has(expert_kind::constant));
  CHECK(!seen.all_ordinary());
  CHECK(name_of(expert_kind::constant) == "constant");
  CHECK(name_of(expert_kind(5)) == "kind 5");
}
