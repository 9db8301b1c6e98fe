// What works row by row gives for some of the rows what it gives for all of them, and no rows are some rows: forward
// and backward, cut at random into parts of which some are empty. So a layer may be run on the tokens that visit it.

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/ops.hpp"
#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// x (T x 6) and weights: 12 x 6 three times (three experts of four units in each), rows of 6, gain among them, 1 x 1.
template <class B>
struct operands {
  variable<B> x, a, b, c, row, gain, one;
};
template <class B>
using row_operation = variable<B> (*)(const operands<B>&);

const std::vector<index_t> first_unit{0, 4, 8, 12};
const std::vector<id_type> visible{0, 1, 2};

template <class B>
dispatch<B> two_of_three(const variable<B>& x) {
  return sort_by_expert(choose_top_k(columns_of(x, 0, 3).value(), 2), 3);
}
template <class B>
expert_layout<B> three_experts() {
  return {first_unit.data(), visible.data(), 3, 4};
}
template <class B>
matrix<B> every_second() {
  return put<B>(table(1, 6, {1, 0, 1, 0, 1, 0}));
}
template <class B>
variable<B> weights_of(const variable<B>& x) {
  return softmax_rows(columns_of(x, 4, 2));
}

template <class B>
std::vector<std::pair<std::string, row_operation<B>>> row_operations() {
  using in = operands<B>;
  return {
      {"gelu", [](const in& i) { return gelu(i.x); }},
      {"add", [](const in& i) { return add(i.x, scale(i.x, 0.5)); }},
      {"multiply", [](const in& i) { return multiply(i.x, sigmoid(i.x)); }},
      {"divide", [](const in& i) { return divide(i.x, exp(i.x)); }},
      {"add_row", [](const in& i) { return add_row(i.x, i.row); }},
      {"multiply_row", [](const in& i) { return multiply_row(i.x, i.row); }},
      {"add_col", [](const in& i) { return add_col(i.x, row_sums(i.x)); }},
      {"multiply_col", [](const in& i) { return multiply_col(i.x, row_norms(i.x)); }},
      {"scale_by", [](const in& i) { return scale_by(i.one, i.x); }},
      {"softmax_rows", [](const in& i) { return softmax_rows(i.x); }},
      {"masked_softmax_rows", [](const in& i) { return masked_softmax_rows(i.x, every_second<B>()); }},
      {"mask_cols", [](const in& i) { return mask_cols(i.x, every_second<B>()); }},
      {"entmax_rows", [](const in& i) { return entmax_rows(i.x); }},
      {"log_softmax_rows", [](const in& i) { return log_softmax_rows(i.x); }},
      {"entropy_rows", [](const in& i) { return entropy_rows(softmax_rows(i.x)); }},
      {"normalize_sums", [](const in& i) { return normalize_sums(exp(i.x), 1e-9); }},
      {"normalize_lengths", [](const in& i) { return normalize_lengths(i.x); }},
      {"layer_norm", [](const in& i) { return layer_norm(i.x, i.gain, i.row, 1e-5); }},
      {"matmul", [](const in& i) { return matmul(matmul(i.x, i.a, op::transpose), i.b); }},
      {"matmul_side_by_side",
       [](const in& i) { return matmul_side_by_side(columns_of(i.x, 0, 2), columns_of(i.x, 2, 4), i.a); }},
      {"gru",
       [](const in& i) {
         const variable<B> bias = repeat_rows(scale_by(i.one, i.one), 1);
         return gru(i.x, columns_of(i.x, 0, 4), i.a, columns_of(i.b, 0, 4), repeat_cols(bias, 12),
                    repeat_cols(i.one, 12));
       }},
      {"concat_cols", [](const in& i) { return concat_cols(i.x, columns_of(i.x, 1, 3)); }},
      {"repeat_cols", [](const in& i) { return repeat_cols(row_sums(i.x), 4); }},
      {"repeat_rows", [](const in& i) { return repeat_rows(i.row, i.x.rows()); }},
      {"reshape", [](const in& i) { return reshape(gelu(reshape(i.x, i.x.rows() * 2, 3)), i.x.rows(), 6); }},
      {"group_sums", [](const in& i) { return group_repeat(group_sums(i.x, 2), 3); }},
      {"outer_rows", [](const in& i) { return contract_rows(outer_rows(i.x, i.x), columns_of(i.x, 0, 6)); }},
      {"transpose", [](const in& i) { return transpose(transpose(i.x)); }},
      {"gather_elements",
       [](const in& i) {
         const auto ids = choose_top_k(i.x.value(), 2);
         return scatter_elements(gather_elements(i.x, ids), ids, 9);
       }},
      {"dropout", [](const in& i) { return dropout(i.x, 0.0, random_stream(1)); }},
      {"experts",
       [](const in& i) {
         const dispatch<B> pairs = two_of_three(i.x);
         return apply_experts(gelu_expert{}, i.x, weights_of(i.x), &pairs, i.a, i.b, three_experts<B>());
       }},
      {"one expert",
       [](const in& i) {
         return apply_experts(relu_expert{}, i.x, {}, nullptr, i.a, i.b, {first_unit.data(), visible.data(), 1, 4});
       }},
      {"gated experts",
       [](const in& i) {
         const pair_groups<B> pairs(two_of_three(i.x));
         return gated_experts(swiglu{}, i.x, weights_of(i.x), &pairs, i.a, i.b, i.c, three_experts<B>());
       }},
      {"composed experts",
       [](const in& i) {
         const pair_groups<B> pairs(two_of_three(i.x));
         const block_layout blocks = three_experts<B>();
         const auto h = multiply_col(relu(grouped_matmul(gather_pairs(i.x, pairs), i.a, blocks, pairs, op::transpose)),
                                     pair_values(weights_of(i.x), pairs));
         const auto per_expert = expand_segments(segment_sums(h, pairs, 0.0), pairs);  // nothing, through sums
         return combine_pairs(grouped_matmul(add(h, per_expert), i.b, blocks, pairs), weights_of(i.x), pairs);
       }},
      {"all experts",
       [](const in& i) {  // rows of every expert, one after the other
         const variable<B> every = reshape(repeat_cols(reshape(i.x, i.x.size(), 1), 1), i.x.rows(), 6);
         return matmul(batched_matmul(every, i.a, 1, op::none, op::transpose), i.b);
       }},
  };
}

struct result {
  table y;
  std::vector<table> gradients;
};

/// f of all rows, or of three parts of them put together, and the gradients of <f, r>.
template <class B>
result run(row_operation<B> f, index_t rows, std::uint64_t seed, bool in_parts) {
  std::vector<parameter<B>> p;
  for (const auto& [r, c] : {std::pair<index_t, index_t>{rows, 6}, {12, 6}, {12, 6}, {12, 6}, {1, 6}, {1, 6}, {1, 1}})
    p.emplace_back("p", put<B>(random_table(r, c, seed + p.size())));
  tape<B> t;
  std::vector<variable<B>> v;
  for (auto& one : p) v.emplace_back(one, &t);
  const auto on = [&](const variable<B>& x) { return f({x, v[1], v[2], v[3], v[4], v[5], v[6]}); };
  variable<B> y;
  if (in_parts) {
    std::array<std::vector<id_type>, 3> part;
    for (index_t i = 0; i < rows; ++i)
      part[random_stream(seed).below(static_cast<std::uint64_t>(i), 3)].push_back(static_cast<id_type>(i));
    for (const auto& ids : part) {
      const auto list = put_ids<B>(ids, 1, std::ssize(ids));
      const variable<B> mine = on(take_rows(v[0], list));
      CHECK(mine.rows() == std::ssize(ids));
      y = y ? add_rows(y, mine, list) : scatter_rows(mine, list, rows);
    }
  } else {
    y = on(v[0]);
  }
  const variable<B> upstream = constant<B>(random_table(y.rows(), y.cols(), seed + 9));
  t.backward(dot(y, upstream));
  result all{get(y.value()), {}};
  for (auto& one : p) all.gradients.push_back(get(one.gradient()));
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("ops/some_rows: parts of the rows, empty ones too, together are all of them", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  for (const auto& [name, f] : row_operations<B>()) {
    CAPTURE(name);
    for (const index_t rows : {0, 1, 2, 7})
      for (const std::uint64_t seed : {10, 20}) {
        const result all = run<B>(f, rows, seed, false), parts = run<B>(f, rows, seed, true);
        CHECK(difference(parts.y, all.y) < 1e-13);
        for (std::size_t p = 0; p < all.gradients.size(); ++p)
          CHECK(difference(parts.gradients[p], all.gradients[p]) < 1e-12);
        if (rows > 0) continue;
        for (std::size_t p = 1; p < all.gradients.size(); ++p)
          for (const double g : all.gradients[p].values) CHECK(g == 0);
      }
  }
}

TEST_CASE_TEMPLATE("ops/some_rows: sums and means of no rows are zeros, and so are choices of none", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const operation<B> sums[] = {[](const inputs<B>& in) { return col_sums(in[0]); },
                               [](const inputs<B>& in) { return col_means(in[0]); },
                               [](const inputs<B>& in) { return sum(in[0]); },
                               [](const inputs<B>& in) {
                                 return segment_sums(in[0], row_groups<B>({0, 0}));
                               },
                               [](const inputs<B>& in) { return matmul(transpose(in[0]), in[0]); }};
  for (const auto& f : sums) {
    const table y = evaluate<B>(f, {table(0, 3)});
    CHECK(y.rows > 0);
    for (const double v : y.values) CHECK(v == 0);
    parameter<B> x("x", matrix<B>(0, 3));
    tape<B> t;
    t.backward(sum(f({variable<B>(x, &t)})));
    CHECK((x.gradient().rows() == 0 && x.gradient().cols() == 3));
  }
  const matrix<B> none(0, 3);
  CHECK((choose_top_k(none, 2).rows() == 0 && choose_top_k(none, 2).cols() == 2));
  CHECK(choose_top_p(none, 0.5, 3).rows() == 0);
  CHECK(choose_above(none, 0.5, 3).rows() == 0);
  CHECK(choices_of_rows(choose_rows(none, 0, 0), 0, 3).rows() == 0);
  CHECK(choose_pairs(none, 2).rows() == 0);
  CHECK(sample_columns(none, 2, random_stream(1)).rows() == 0);
  CHECK(take_ids(put_ids<B>({7, 8, 9}, 1, 3), put_ids<B>({2, no_choice, 0}, 1, 3)).to_host() ==
        std::vector<id_type>{9, no_choice, 7});
}
