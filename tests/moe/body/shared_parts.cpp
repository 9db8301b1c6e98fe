// Bodies whose experts share something, where pairs were dropped or carry no weight: what no card of them does.
#include <doctest/doctest.h>

#include <memory>
#include <numeric>

#include "gmoe/moe/body/adjugate.hpp"
#include "gmoe/moe/body/compressed.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/body/multilinear.hpp"
#include "gmoe/moe/body/single_units.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;

namespace {

using part_backend = GMOE_TEST_BACKEND<double>;
using numbers_of_rows = std::vector<std::vector<double>>;

/// Four experts of a layer, as if a model had them, and two tokens of three numbers.
template <class Body, index_t Width = 6>
struct body_of_four {
  static inline const std::vector<index_t> widths = std::vector<index_t>(4, Width);
  Body body;
  typename Body::template weights<part_backend> weights;

  explicit body_of_four(const Body& b = {})
      : body(b),
        weights(b.make_weights(builder<part_backend>(3),
                               pool_shape{.widths = widths, .d_model = 3, .initializer_range = 0.7, .of_a_layer = 4})) {
  }
  /// y of both tokens, by these slots and weights (none: 1).
  numbers_of_rows operator()(const std::vector<id_type>& kept, const std::vector<double>& w) const {
    const auto slots = static_cast<index_t>(kept.size()) / 2;
    routing<part_backend> r;
    r.experts = 4;
    auto ids = std::make_shared<std::vector<id_type>>(4);
    std::iota(ids->begin(), ids->end(), id_type{0});
    r.visible = ids;
    r.chosen = r.kept = gmoe_test::put_ids<part_backend>(kept, 2, slots);
    if (!w.empty()) r.weights = variable<part_backend>(matrix<part_backend>::from_host(w, 2, slots));
    r.pairs = sort_by_expert(r.kept, 4);
    const struct { const typename Body::template weights<part_backend>& weights; } my{weights};
    const context<part_backend> ctx;
    const layer_shape shape{};
    const variable<part_backend> x(gmoe_test::put<part_backend>(gmoe_test::random_table(2, 3, 5)));
    const auto y = body(place<part_backend>{ctx, shape}, x, r, my).value().to_host();
    return {{y.begin(), y.begin() + 3}, {y.begin() + 3, y.end()}};
  }
};

constexpr id_type left_out = gmoe_test::none;

bool all_near(const numbers_of_rows& a, const numbers_of_rows& b) {
  for (std::size_t t = 0; t < 2; ++t)
    for (std::size_t i = 0; i < 3; ++i)
      if (!(std::abs(a[t][i] - b[t][i]) < 1e-13)) return false;
  return true;
}

}  // namespace

TEST_CASE("moe/body/shared_parts: a group is touched by what was kept, with the weight of that") {
  const body_of_four<with_adjugates<relu_expert>> grove({.group = 2, .part = 2, .lambda = 0.7});
  // Token 0 keeps one of two experts of a group, token 1 nothing.
  const auto some = grove({0, left_out, left_out, left_out}, {.25, .75, .5, .5});
  CHECK(all_near(some, grove({0, 1, left_out, left_out}, {.25, 0, .5, .5})));
  CHECK(some[1] == std::vector<double>(3, 0));
  CHECK(some[0] != some[1]);
  CHECK(!all_near(some, grove({0, 1, left_out, left_out}, {.25, .75, .5, .5})));
  // No weights are weights of one.
  CHECK(all_near(grove({0, 1, 3, 0}, {}), grove({0, 1, 3, 0}, {1, 1, 1, 1})));
}

TEST_CASE(
    "moe/body/shared_parts: a token without its main experts gets nothing, one without the others the main ones") {
  const body_of_four<compressed_experts<relu_expert>> two({.main = 2});
  const auto some = two({0, 1, left_out, left_out, left_out, 2}, {.5, .3, .2, .5, .3, .2});
  CHECK(some[1] == std::vector<double>(3, 0));
  CHECK(all_near({some[0], some[0]}, {two({0, 1, 1, 0}, {.5, .3, .5, .3})[0], some[0]}));  // as many slots as main ones
  // Vectors of ones say what the main experts say, with their own weight.
  const auto whole = two({1, left_out, 3, 0, 2, 3}, {.5, .3, .5, .4, .4, .2});
  const auto alone = two({1, left_out, left_out, 0, 2, left_out}, {1, 0, 0, .5, .5, 0});
  CHECK(all_near(whole, alone));
  CHECK(all_near(two({0, 1, 2, 3, 2, 1}, {}), two({0, 1, 2, 3, 2, 1}, {1, 1, 1, 1, 1, 1})));
}

TEST_CASE("moe/body/shared_parts: slices of a tensor are summed before they act, in any order of slots") {
  const body_of_four<multilinear_experts> tensor({.rank = 2});
  CHECK(all_near(tensor({3, 1, 0, 2}, {.2, .8, .4, .6}), tensor({1, 3, 2, 0}, {.8, .2, .6, .4})));
  CHECK(all_near(tensor({3, 1, left_out, 2}, {.2, .8, .4, .6}), tensor({3, 1, 0, 2}, {.2, .8, 0, .6})));
  CHECK(all_near(tensor({3, 1, 0, 2}, {}), tensor({3, 1, 0, 2}, {1, 1, 1, 1})));
}

TEST_CASE("moe/body/shared_parts: units that are fetched are experts one unit wide, dropped or not") {
  body_of_four<single_units<fn::relu>, 1> units;
  body_of_four<relu_expert, 1> experts;
  experts.weights.w_in().value() = units.weights.w_in.value().clone();
  experts.weights.w_out().value() = units.weights.w_out.value().clone();
  for (const std::vector<double>& w : {std::vector<double>{}, std::vector<double>{.2, .8, .4, -.6}}) {
    CHECK(all_near(units({3, 1, 0, 2}, w), experts({3, 1, 0, 2}, w)));
    CHECK(all_near(units({3, left_out, left_out, left_out}, w), experts({3, left_out, left_out, left_out}, w)));
  }
  CHECK(units({3, 1, 0, 2}, {})[0] != std::vector<double>(3, 0));
  const std::vector<index_t> wide{1, 2};
  CHECK(gmoe_test::refusal([&] {
          single_units<fn::relu>{}.make_weights(builder<part_backend>(1), pool_shape{wide, 3, 1});
        }) == "single_units are experts of one hidden unit, but the pool has wider ones: it takes unit_pool");
}

TEST_CASE("moe/body/shared_parts: groups of experts, and layers that do not fit them") {
  const std::vector<index_t> widths(12, 5);
  const pool_shape pool{.widths = widths, .d_model = 3, .initializer_range = 1, .of_a_layer = 6};
  CHECK(expert_groups(pool, 0, "q").count() == 2);
  CHECK(expert_groups(pool, 0, "q").one_in_a_layer());
  const expert_groups threes(pool, 3, "q");
  CHECK(threes.count() == 4);
  CHECK(!threes.one_in_a_layer());
  const auto seen = threes.among({9, 10, 11, 0, 1, 2});
  CHECK(*seen->ids == std::vector<id_type>{3, 0});
  CHECK(seen->numbers == std::vector<id_type>{0, 0, 0, 1, 1, 1});
  CHECK(seen->first == std::vector<id_type>{0, 3, 6});
  CHECK(seen->in_order());
  CHECK(!threes.among({0, 3, 1})->in_order());
  CHECK(*threes.among({6, 7, 8, 9, 10, 11})->ids == std::vector<id_type>{2, 3});
  CHECK(gmoe_test::refusal([&] { expert_groups(pool, 4, "body.q"); }) ==
        "a layer's 6 of 12 experts are no whole groups of body.q = 4");
  CHECK(threes.only({3, 4, 5}, 0, "experts") == 1);
  for (const std::vector<id_type>& other : {std::vector<id_type>{3, 4}, {4, 3, 5}, {2, 3, 4}})
    CHECK(gmoe_test::refusal([&] { threes.only(other, 2, "slices"); }) ==
          "block 2: slices of a layer belong together, but it does not see just those of one");
  const std::vector<index_t> uneven{4, 5};
  CHECK(gmoe_test::refusal([&] {
          multilinear_experts{}.make_weights(builder<part_backend>(1), pool_shape{uneven, 3, 1});
        }) == "multilinear_experts are slices of one tensor, but the pool has experts of different widths");
}
