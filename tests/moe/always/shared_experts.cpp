#include "gmoe/moe/always/shared_experts.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/always/local_expert.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// The sum of `count` experts of `width` hidden units each, every one of weight 1.
template <class B>
table sum_of_experts(expert_bank<B>& bank, const table& x, index_t count, index_t width) {
  std::vector<index_t> first;
  for (index_t e = 0; e <= count; ++e) first.push_back(e * width);
  std::vector<id_type> all;
  for (index_t e = 0; e < count; ++e) all.push_back(static_cast<id_type>(e));
  return experts(x, std::vector<std::vector<id_type>>(static_cast<std::size_t>(x.rows), all), table{}, first,
                 get(bank.w_in().value()), get(bank.w_out().value()), [](double a) { return std::max(a, 0.0); });
}

}  // namespace

TEST_CASE_TEMPLATE("moe/always/shared_experts: the sum of several small experts", B, GMOE_TEST_BACKENDS) {
  sizes s;
  s.d_model = 6;
  s.d_ff = 12;
  s.granularity = 3;
  s.shared_experts = 2;
  s.initializer_range = 0.5;
  const table x = random_table(5, 6, 2);
  shared_experts::layer<B, relu_expert> layer(builder<B>(1), s, layer_shape{});
  CHECK(layer.expert->bank().w_in().rows() == 8);
  CHECK(difference(get(layer(context<B>{}, variable<B>(put<B>(x))).value()),
                   sum_of_experts(layer.expert->bank(), x, 2, 4)) < 1e-5);
  s.shared_experts = 0;
  shared_experts::layer<B, relu_expert> none(builder<B>(1), s, layer_shape{});
  CHECK(!none(context<B>{}, variable<B>(put<B>(x))));
  none.each([](parameter<B>&) { FAIL("there is nothing to visit"); });
}

TEST_CASE_TEMPLATE("moe/always/local_expert: one expert of full width", B, GMOE_TEST_BACKENDS) {
  sizes s;
  s.d_model = 6;
  s.d_ff = 12;
  s.granularity = 3;  // splits routed experts only
  s.initializer_range = 0.5;
  const table x = random_table(5, 6, 2);
  local_expert::layer<B, relu_expert> layer(builder<B>(1), s, layer_shape{});
  CHECK(difference(get(layer(context<B>{}, variable<B>(put<B>(x))).value()),
                   sum_of_experts(layer.expert.bank(), x, 1, 12)) < 1e-5);
}
