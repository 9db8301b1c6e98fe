// What the operations on groups are for: bodies of experts, each a few lines on the tape.

#include <doctest/doctest.h>

#include "gmoe/ops/batched_matmul.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/segments.hpp"
#include "gmoe/ops/softmax.hpp"
#include "ops/composed_bodies.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

struct relu_activation {
  using activation = fn::relu;
  static constexpr bool slope_from_output = true;
};

/// Hidden units of expert e of a layer.
template <class F>
void each_unit(index_t e, const F& f) {
  const auto block = static_cast<std::size_t>(seen_of_bank(4)[static_cast<std::size_t>(e)]);
  for (index_t u = bank_first_unit[block]; u < bank_first_unit[block + 1]; ++u) f(u);
}
double times_row(const table& w, index_t row, const table& x) {
  double sum = 0;
  for (index_t c = 0; c < x.cols; ++c) sum += w(row, c) * x(0, c);
  return sum;
}

}  // namespace

TEST_CASE_TEMPLATE("ops/compositions: the ReLU expert is the fused one, and what the formula says", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  for (const chosen_pairs& c : pairs_to_try()) {
    const index_t d = 3;
    const std::vector<id_type> visible = seen_of_bank(c.experts);
    const block_layout blocks(bank_heights, visible);
    const pair_groups<B> pairs = c.template sorted<B>();
    const auto choices = sort_by_expert<B>(put_ids<B>(c.choice, c.tokens, c.slots), c.experts);
    const expert_layout<B> layout{bank_first_unit.data(), visible.data(), c.experts, blocks.widest()};
    const table x = random_table(c.tokens, d, 1), w = random_table(c.tokens, c.slots, 2, 0.2, 1),
                w_in = random_table(12, d, 3), w_out = random_table(12, d, 4);
    const operation<B> composed = [&](const inputs<B>& in) {
      return composed_experts(fn::relu{}, in[0], in[1], pairs, in[2], in[3], blocks);
    };
    const operation<B> of_the_bank = [&](const inputs<B>& in) {  // the layout that a bank gives
      return composed_experts(fn::relu{}, in[0], in[1], pairs, in[2], in[3], layout);
    };
    const operation<B> fused = [&](const inputs<B>& in) {
      return apply_experts(relu_activation{}, in[0], in[1], &choices, in[2], in[3], layout);
    };
    const std::vector<table> values{x, w, w_in, w_out};
    const table expected = mixture(x, c, w, [&](index_t e, const table& row) {
      table y(1, d);
      each_unit(e, [&](index_t u) {
        for (index_t n = 0; n < d; ++n) y(0, n) += w_out(u, n) * std::max(0.0, times_row(w_in, u, row));
      });
      return y;
    });
    CHECK(difference(evaluate<B>(composed, values), expected) < 1e-13);
    check_equal_forms<B>(composed, fused, values);
    check_equal_forms<B>(of_the_bank, fused, values);
    if (c.tokens > 0) CHECK(gradient_error<B>(composed, values) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/compositions: SwiGLU is what the formula says, with and without weights", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  for (const chosen_pairs& c : pairs_to_try())
    for (bool weighted : {true, false}) {
      const index_t d = 3;
      const block_layout blocks(bank_heights, seen_of_bank(c.experts));
      const pair_groups<B> pairs = c.template sorted<B>();
      const table x = random_table(c.tokens, d, 1), w = random_table(c.tokens, c.slots, 2, 0.2, 1),
                  w_gate = random_table(12, d, 3), w_up = random_table(12, d, 4), w_out = random_table(12, d, 5);
      const operation<B> composed = [&](const inputs<B>& in) {
        return composed_gated_experts(fn::silu{}, in[0], weighted ? in[4] : variable<B>(), pairs, in[1], in[2], in[3],
                                      blocks);
      };
      std::vector<table> values{x, w_gate, w_up, w_out};
      if (weighted) values.push_back(w);
      const table expected = mixture(x, c, weighted ? w : table(), [&](index_t e, const table& row) {
        table y(1, d);
        each_unit(e, [&](index_t u) {
          const double a = times_row(w_gate, u, row), h = a * gmoe_test::sigmoid(a) * times_row(w_up, u, row);
          for (index_t n = 0; n < d; ++n) y(0, n) += w_out(u, n) * h;
        });
        return y;
      });
      CHECK(difference(evaluate<B>(composed, values), expected) < 1e-13);
      if (c.tokens > 0) CHECK(gradient_error<B>(composed, values) < 1e-8);
    }
}

TEST_CASE_TEMPLATE("ops/compositions: experts that share their input factor, and constants beside them", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  // E_e(x) = O_e' silu(A_e (L x)) + v_e: one L for all, before tokens are sent to experts.
  const chosen_pairs c = pairs_to_try().front();
  const index_t d = 3, latent = 2;
  const block_layout blocks(bank_heights, seen_of_bank(c.experts));
  const pair_groups<B> pairs = c.template sorted<B>();
  const table x = random_table(c.tokens, d, 1), w = random_table(c.tokens, c.slots, 2, 0.2, 1),
              l = random_table(latent, d, 3), a = random_table(12, latent, 4), o = random_table(12, d, 5),
              v = random_table(c.experts, d, 6);
  const operation<B> composed = [&](const inputs<B>& in) {
    const auto rows = gather_pairs(matmul(in[0], in[2], op::transpose), pairs);
    const auto h = silu(grouped_matmul(rows, in[3], blocks, pairs, op::transpose));
    const auto y = add(grouped_matmul(h, in[4], blocks, pairs), expand_segments(in[5], pairs));
    return combine_pairs(multiply_col(y, pair_values(in[1], pairs)), pairs);
  };
  const table expected = mixture(x, c, w, [&](index_t e, const table& row) {
    table y(1, d), low(1, latent);
    for (index_t n = 0; n < latent; ++n) low(0, n) = times_row(l, n, row);
    for (index_t n = 0; n < d; ++n) y(0, n) = v(e, n);
    each_unit(e, [&](index_t u) {
      const double s = times_row(a, u, low);
      for (index_t n = 0; n < d; ++n) y(0, n) += o(u, n) * s * gmoe_test::sigmoid(s);
    });
    return y;
  });
  CHECK(difference(evaluate<B>(composed, {x, w, l, a, o, v}), expected) < 1e-13);
  CHECK(gradient_error<B>(composed, {x, w, l, a, o, v}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/compositions: soft slots, which no token goes to alone", B, GMOE_TEST_DOUBLE_BACKENDS) {
  // Two sequences of three tokens; two experts with two slots each. Slots are filled by D', emptied by C.
  const index_t batch = 2, sequence = 3, slots = 4, d = 2;
  const table x = random_table(batch * sequence, d, 1), to = random_table(batch * sequence, slots, 2),
              from = random_table(batch * sequence, slots, 3), w = random_table(2 * d, d, 4);
  const row_groups<B> by_expert({batch * slots / 2, batch * slots / 2});
  const operation<B> soft = [&](const inputs<B>& in) {
    const auto filled = batched_matmul(in[1], in[0], batch, op::transpose);
    const auto done = grouped_matmul(filled, in[3], block_layout::equal(2, d), by_expert, op::transpose);
    return batched_matmul(softmax_rows(in[2]), done, batch);
  };
  table expected(batch * sequence, d);
  for (index_t b = 0; b < batch; ++b)
    for (index_t s = 0; s < slots; ++s) {
      table slot(1, d);
      for (index_t t = 0; t < sequence; ++t)
        for (index_t n = 0; n < d; ++n) slot(0, n) += to(b * sequence + t, s) * x(b * sequence + t, n);
      for (index_t t = 0; t < sequence; ++t) {
        double sum = 0;
        for (index_t k = 0; k < slots; ++k) sum += std::exp(from(b * sequence + t, k));
        for (index_t n = 0; n < d; ++n)  // here the first sequence's slots are the first expert's
          expected(b * sequence + t, n) +=
              std::exp(from(b * sequence + t, s)) / sum * times_row(w, (b * slots + s) / slots * d + n, slot);
      }
    }
  CHECK(difference(evaluate<B>(soft, {x, to, from, w}), expected) < 1e-13);
  CHECK(gradient_error<B>(soft, {x, to, from, w}) < 1e-8);
}
