#include "gmoe/ops/embedding.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/embedding: rows of tokens plus rows of positions", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const std::vector<id_type> tokens{4, 0, 2, 2, 4, 1};  // two sequences of three; 3 never occurs
  const auto ids = put_ids<B>(tokens, 1, 6);
  const table words = random_table(5, 4, 1), positions = random_table(6, 4, 2);
  for (index_t first : {0, 2, 3}) {
    const operation<B> f = [&](const inputs<B>& in) { return embed(in[0], in[1], ids, first, 3); };
    table expected(6, 4);
    for (index_t t = 0; t < 6; ++t)
      for (index_t j = 0; j < 4; ++j)
        expected(t, j) = words(tokens[static_cast<std::size_t>(t)], j) + positions(first + t % 3, j);
    CHECK(difference(evaluate<B>(f, {words, positions}), expected) < 1e-14);
    CHECK(gradient_error<B>(f, {words, positions}) < 1e-8);
  }
  const variable<B> w = constant<B>(words), p = constant<B>(positions);
  CHECK_THROWS_WITH_AS(embed(w, p, ids, 4, 3), "embed: positions 4 to 6 of 6", config_error);
  CHECK_THROWS_AS(embed(w, constant<B>(table(6, 3)), ids, 0, 3), config_error);
}

TEST_CASE_TEMPLATE("ops/embedding: elements by id; empty choices are 0 and get no gradient", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const auto ids = put_ids<B>({2, 0, no_choice, 1, 1, 1}, 3, 2);
  const table x = random_table(3, 4, 1);
  const operation<B> f = [&](const inputs<B>& in) { return gather_elements(in[0], ids); };
  const table expected(3, 2, {x(0, 2), x(0, 0), 0, x(1, 1), x(2, 1), x(2, 1)});
  CHECK(difference(evaluate<B>(f, {x}), expected) == 0);
  CHECK(gradient_error<B>(f, {x}) < 1e-8);
  CHECK_THROWS_WITH_AS(gather_elements(constant<B>(table(2, 4)), ids), "gather_elements: 3 rows of ids for 2 rows",
                       config_error);
}

TEST_CASE_TEMPLATE("ops/embedding: elements put at their ids, zeros elsewhere", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto ids = put_ids<B>({2, 0, no_choice, 1, 1, 1}, 3, 2);
  const table x = random_table(3, 2, 1);
  const operation<B> f = [&](const inputs<B>& in) { return scatter_elements(in[0], ids, 4); };
  const table expected(3, 4, {x(0, 1), 0, x(0, 0), 0, 0, x(1, 1), 0, 0, 0, x(2, 0) + x(2, 1), 0, 0});
  CHECK(difference(evaluate<B>(f, {x}), expected) < 1e-14);
  CHECK(gradient_error<B>(f, {x}) < 1e-8);
  CHECK_THROWS_WITH_AS(scatter_elements(constant<B>(table(3, 4)), ids, 4), "scatter_elements: ids of 3 x 2 for 3 x 4",
                       config_error);
}
