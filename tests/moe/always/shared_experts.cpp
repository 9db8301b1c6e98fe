#include "gmoe/moe/always/shared_experts.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// The sum of `count` experts of `width` hidden units each, every one of weight 1.
template <class B>
table sum_of_experts(const expert_bank<B>& bank, const table& x, index_t count, index_t width) {
  std::vector<index_t> first;
  for (index_t e = 0; e <= count; ++e) first.push_back(e * width);
  std::vector<id_type> all;
  for (index_t e = 0; e < count; ++e) all.push_back(static_cast<id_type>(e));
  return experts(x, std::vector<std::vector<id_type>>(static_cast<std::size_t>(x.rows), all), table{}, first,
                 get(bank.w_in().value()), get(bank.w_out().value()), [](double a) { return std::max(a, 0.0); });
}

layer_shape split_in_three() {
  layer_shape l;
  l.d_model = 6;
  l.d_ff = 12;
  l.initializer_range = 0.5;
  l.granularity = 3;
  l.shared_experts = 2;
  return l;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/always/shared_experts: the sum of several small experts", B, GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l = split_in_three();
  const table x = random_table(5, 6, 2);
  const variable<B> rows(put<B>(x));
  policy_alone<B, shared_experts> two({}, {l});
  CHECK(two.parameters() == "own.0.w_in 8x6, own.0.w_out 8x6, ");
  CHECK(difference(get(two.ask(hooks::apply{}, context<B>{}, rows, routing<B>{}).value()),
                   sum_of_experts(two.mine().layer.expert->weights, x, 2, 4)) < 1e-5);
  l.shared_experts = 0;
  policy_alone<B, shared_experts> none({}, {l});
  CHECK(!none.ask(hooks::apply{}, context<B>{}, rows, routing<B>{}));
  CHECK(none.parameters() == "");
}
