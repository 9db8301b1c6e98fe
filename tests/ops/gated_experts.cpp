#include "gmoe/ops/gated_experts.hpp"

#include <doctest/doctest.h>

#include "ops/composed_bodies.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B, class Activation>
void check_activation(double (*act)(double)) {
  for (const chosen_pairs& c : pairs_to_try())
    for (bool weighted : {true, false}) {
      const index_t d = 3;
      const std::vector<id_type> visible = seen_of_bank(c.experts);
      const block_layout blocks(bank_heights, visible);
      const pair_groups<B> pairs = c.template sorted<B>();
      const table x = random_table(c.tokens, d, 11), w = random_table(c.tokens, c.slots, 2, 0.2, 1),
                  w_gate = random_table(12, d, 3), w_up = random_table(12, d, 4), w_out = random_table(12, d, 5);
      const operation<B> fused = [&](const inputs<B>& in) {
        return gated_experts(Activation{}, in[0], weighted ? in[4] : variable<B>(), &pairs, in[1], in[2], in[3],
                             blocks);
      };
      const operation<B> composed = [&](const inputs<B>& in) {
        return composed_gated_experts(Activation{}, in[0], weighted ? in[4] : variable<B>(), pairs, in[1], in[2], in[3],
                                      blocks);
      };
      std::vector<table> values{x, w_gate, w_up, w_out};
      if (weighted) values.push_back(w);
      const table expected = mixture(x, c, weighted ? w : table(), [&](index_t e, const table& row) {
        table y(1, d);
        const auto block = static_cast<std::size_t>(visible[static_cast<std::size_t>(e)]);
        for (index_t u = bank_first_unit[block]; u < bank_first_unit[block + 1]; ++u) {
          double a = 0, b = 0;
          for (index_t n = 0; n < d; ++n) {
            a += w_gate(u, n) * row(0, n);
            b += w_up(u, n) * row(0, n);
          }
          for (index_t n = 0; n < d; ++n) y(0, n) += w_out(u, n) * act(a) * b;
        }
        return y;
      });
      CHECK(difference(evaluate<B>(fused, values), expected) < 1e-13);
      check_equal_forms<B>(fused, composed, values);
      if (c.tokens > 0) CHECK(gradient_error<B>(fused, values) < 1e-8);
    }
}

}  // namespace

TEST_CASE_TEMPLATE("ops/gated_experts: SwiGLU, GEGLU and ReGLU are their compositions and formulas", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  SUBCASE("swiglu") {
    check_activation<B, swiglu>([](double v) { return v * gmoe_test::sigmoid(v); });
  }
  SUBCASE("geglu") { check_activation<B, geglu>(gmoe_test::gelu); }
  SUBCASE("reglu") {
    check_activation<B, reglu>([](double v) { return v > 0 ? v : 0; });
  }
}

TEST_CASE_TEMPLATE("ops/gated_experts: without choices every token goes to the only expert", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const index_t tokens = 5, d = 3;
  for (const block_layout& blocks : {block_layout(bank_heights, {2}), block_layout(std::vector<index_t>{12})}) {
    const pair_groups<B> everyone = chosen_pairs{tokens, 1, 1, std::vector<id_type>(5, 0)}.template sorted<B>();
    const operation<B> dense = [&](const inputs<B>& in) {
      return gated_experts(swiglu{}, in[0], variable<B>(), nullptr, in[1], in[2], in[3], blocks);
    };
    const operation<B> composed = [&](const inputs<B>& in) {
      return composed_gated_experts(swiglu{}, in[0], variable<B>(), everyone, in[1], in[2], in[3], blocks);
    };
    const std::vector<table> values{random_table(tokens, d, 1), random_table(12, d, 2), random_table(12, d, 3),
                                    random_table(12, d, 4)};
    check_equal_forms<B>(dense, composed, values);
    CHECK(gradient_error<B>(dense, values) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/gated_experts: work that is cut over threads is the same work", B, GMOE_TEST_BACKENDS) {
  // Uneven: half of the tokens ask the widest expert, nobody the last one; 512 units lie apart in memory.
  const index_t tokens = 150, slots = 2, d = 19;
  chosen_pairs c{tokens, slots, 4, std::vector<id_type>(static_cast<std::size_t>(tokens * slots))};
  for (std::size_t p = 0; p < c.choice.size(); ++p)
    c.choice[p] = static_cast<id_type>(random_stream(3).below(p, 5)) - 1;
  for (id_type& e : c.choice)
    if (e == 3) e = 0;
  for (std::size_t p = 1; p < c.choice.size(); p += 2)  // no token asks twice for one
    if (c.choice[p] == c.choice[p - 1] && c.choice[p] != no_choice) c.choice[p] = c.choice[p] == 0 ? 1 : 0;
  const block_layout blocks(std::vector<index_t>{512, 17, 40, 9});
  const pair_groups<B> pairs = c.template sorted<B>();
  const std::vector<table> values{random_table(tokens, d, 1), random_table(578, d, 2), random_table(578, d, 3),
                                  random_table(578, d, 4), random_table(tokens, slots, 5, 0.1, 1)};
  const operation<B> fused = [&](const inputs<B>& in) {
    return gated_experts(swiglu{}, in[0], in[4], &pairs, in[1], in[2], in[3], blocks);
  };
  const operation<B> composed = [&](const inputs<B>& in) {
    return composed_gated_experts(swiglu{}, in[0], in[4], pairs, in[1], in[2], in[3], blocks);
  };
  with_threads<B>([&] {
    CHECK(difference(evaluate<B>(fused, values), evaluate<B>(composed, values)) < 8 * tolerance<B>);
    const std::vector<table> first = gradients<B>(fused, values), second = gradients<B>(composed, values);
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(difference(first[i], second[i]) < 8 * tolerance<B>);
  });
}

TEST_CASE_TEMPLATE("ops/gated_experts: sizes must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto c = [](index_t rows, index_t cols) { return constant<B>(table(rows, cols)); };
  const pair_groups<B> pairs = chosen_pairs{2, 1, 2, {0, 1}}.template sorted<B>();
  const block_layout two(std::vector<index_t>{3, 2}), one(std::vector<index_t>{5});
  const variable<B> none, w = c(5, 4);
  CHECK_THROWS_WITH_AS(gated_experts(swiglu{}, c(2, 4), none, &pairs, w, c(4, 4), w, two),
                       "gated_experts: weights of 5 x 4, 4 x 4 and 5 x 4 for an input of 4 columns", config_error);
  CHECK_THROWS_WITH_AS(gated_experts(swiglu{}, c(2, 3), none, &pairs, w, w, w, two),
                       "gated_experts: weights of 5 x 4, 5 x 4 and 5 x 4 for an input of 3 columns", config_error);
  CHECK_THROWS_WITH_AS(gated_experts(swiglu{}, c(3, 4), none, &pairs, w, w, w, two),
                       "gated_experts: 3 rows, but pairs of 2 tokens", config_error);
  CHECK_THROWS_WITH_AS(gated_experts(swiglu{}, c(2, 4), none, &pairs, w, w, w, one),
                       "gated_experts: rows in 2 groups for blocks of 1", config_error);
  CHECK_THROWS_WITH_AS(gated_experts(swiglu{}, c(2, 4), none, nullptr, w, w, w, two),
                       "gated_experts: rows in 1 groups for blocks of 2", config_error);
  CHECK_THROWS_WITH_AS(gated_experts(swiglu{}, c(2, 4), c(2, 2), &pairs, w, w, w, two),
                       "gated_experts: the weights must have the shape of the choices", config_error);
}
