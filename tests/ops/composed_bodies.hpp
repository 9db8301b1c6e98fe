#pragma once
/// Bodies of experts written as compositions on the tape, as a new one would be.

#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/pairs.hpp"
#include "ops/chosen_pairs.hpp"

namespace gmoe_test {

/// A bank of four experts of three widths, of which a layer sees as many as it has.
inline const std::vector<gmoe::index_t> bank_heights{3, 2, 4, 3}, bank_first_unit{0, 3, 5, 9, 12};
inline std::vector<gmoe::id_type> seen_of_bank(gmoe::index_t experts) {
  const std::vector<gmoe::id_type> all{2, 0, 1, 3};
  return {all.begin(), all.begin() + experts};
}

/// E(x) = W_out' act(W_in x).
template <class B, class Activation>
gmoe::variable<B> composed_experts(const Activation& act, const gmoe::variable<B>& x, const gmoe::variable<B>& weights,
                                   const gmoe::pair_groups<B>& pairs, const gmoe::variable<B>& w_in,
                                   const gmoe::variable<B>& w_out, const gmoe::block_layout& blocks) {
  const auto rows = gather_pairs(x, pairs);
  const auto h = apply(act, grouped_matmul(rows, w_in, blocks, pairs, gmoe::op::transpose));
  return combine_pairs(grouped_matmul(h, w_out, blocks, pairs), weights, pairs);
}

/// E(x) = W_out' (act(W_gate x) * (W_up x)): SwiGLU, GEGLU, ReGLU.
template <class B, class Activation>
gmoe::variable<B> composed_gated_experts(const Activation& act, const gmoe::variable<B>& x,
                                         const gmoe::variable<B>& weights, const gmoe::pair_groups<B>& pairs,
                                         const gmoe::variable<B>& w_gate, const gmoe::variable<B>& w_up,
                                         const gmoe::variable<B>& w_out, const gmoe::block_layout& blocks) {
  const auto rows = gather_pairs(x, pairs);
  const auto gate = apply(act, grouped_matmul(rows, w_gate, blocks, pairs, gmoe::op::transpose));
  const auto h = multiply(gate, grouped_matmul(rows, w_up, blocks, pairs, gmoe::op::transpose));
  return combine_pairs(grouped_matmul(h, w_out, blocks, pairs), weights, pairs);
}

/// Every parameter's gradient of <f, r>, r random.
template <class B>
std::vector<table> gradients(const operation<B>& f, const std::vector<table>& values) {
  using namespace gmoe;
  std::vector<parameter<B>> parameters;
  for (const table& v : values) parameters.emplace_back("p", put<B>(v));
  tape<B> t;
  inputs<B> in;
  for (auto& p : parameters) in.emplace_back(p, &t);
  const variable<B> y = f(in);
  t.backward(dot(y, constant<B>(random_table(y.rows(), y.cols(), 99))));
  std::vector<table> all;
  for (auto& p : parameters) all.push_back(get(p.gradient()));
  return all;
}

/// Values and gradients of two forms of one function.
template <class B>
void check_equal_forms(const operation<B>& f, const operation<B>& g, const std::vector<table>& values) {
  CHECK(difference(evaluate<B>(f, values), evaluate<B>(g, values)) < 1e-13);
  const std::vector<table> first = gradients<B>(f, values), second = gradients<B>(g, values);
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(difference(first[i], second[i]) < 1e-12);
}

/// In plain loops: the weighted sum of a token's experts, where expert(e, row of x) is one expert's output.
template <class Expert>
table mixture(const table& x, const chosen_pairs& c, const table& weights, const Expert& expert) {
  table y(x.rows, x.cols);
  c.each_row([&](index_t, index_t e, index_t t, index_t j) {
    table row(1, x.cols);
    for (index_t n = 0; n < x.cols; ++n) row(0, n) = x(t, n);
    const table out = expert(e, row);
    for (index_t n = 0; n < x.cols; ++n) y(t, n) += (weights.values.empty() ? 1.0 : weights(t, j)) * out(0, n);
  });
  return y;
}

}  // namespace gmoe_test
