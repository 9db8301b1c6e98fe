// The recipe of CONTRIBUTING.md for a body of experts, against the fused operation of the same formula.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/ops/gated_experts.hpp"
#include "gmoe/ops/pairs.hpp"
#include "ops/gradients.hpp"

// [body]
/// y_t = sum over t's experts of w_te W_out,e' (silu(W_gate,e x_t) * (W_up,e x_t)).
template <class B>
gmoe::variable<B> swiglu_experts(const gmoe::variable<B>& x, const gmoe::variable<B>& weights,
                                 const gmoe::pair_groups<B>& pairs, const gmoe::variable<B>& w_gate,
                                 const gmoe::variable<B>& w_up, const gmoe::variable<B>& w_out,
                                 const gmoe::block_layout& blocks) {
  const auto rows = gather_pairs(x, pairs);  // P x d: a row for every kept (token, expert) pair, sorted by expert
  const auto gate = silu(grouped_matmul(rows, w_gate, blocks, pairs, gmoe::op::transpose));  // P x units
  const auto h = multiply(gate, grouped_matmul(rows, w_up, blocks, pairs, gmoe::op::transpose));
  return combine_pairs(grouped_matmul(h, w_out, blocks, pairs), weights, pairs);  // T x d
}
// [/body]

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE("the composed body is the fused one, and its gradients are right") {
  using B = cpu<double>;
  // Four tokens with two slots each; the layer's experts are two of a bank's three, of 3 and of 2 hidden units.
  const auto kept = id_matrix<B>::from_host(std::vector<id_type>{0, 1, 1, no_choice, 0, 1, no_choice, no_choice}, 4, 2);
  const pair_groups<B> pairs(sort_by_expert<B>(kept, 2));
  const block_layout blocks({2, 4, 3}, {2, 0});
  CHECK(pairs.rows == 5);
  const operation<B> composed = [&](const inputs<B>& in) {
    return swiglu_experts(in[0], in[1], pairs, in[2], in[3], in[4], blocks);
  };
  const operation<B> fused = [&](const inputs<B>& in) {
    return gated_experts(swiglu{}, in[0], in[1], &pairs, in[2], in[3], in[4], blocks);
  };
  const std::vector<table> values{random_table(4, 3, 1), random_table(4, 2, 2), random_table(9, 3, 3),
                                  random_table(9, 3, 4), random_table(9, 3, 5)};
  CHECK(difference(evaluate<B>(composed, values), evaluate<B>(fused, values)) < 1e-13);
  CHECK(gradient_error<B>(composed, values) < 1e-8);
}
