#include "gmoe/ops/valid_rows.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {
using lengths = std::vector<index_t>;
}  // namespace

TEST_CASE_TEMPLATE("ops/valid_rows: sequences that are shorter than their place", B, GMOE_TEST_BACKENDS) {
  const auto some = valid_rows<B>::of_lengths(lengths{2, 0, 3}, 3);
  CHECK(get(some.mask).values == std::vector<double>{1, 1, 0, 0, 0, 0, 1, 1, 1});
  CHECK(some.count == 5);
  CHECK(some.among(9) == 5);
  CHECK_FALSE(some.all());
  const auto parts = some.spread(18);
  CHECK(get(parts.mask).values == std::vector<double>{1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1});
  CHECK(parts.count == 10);
  CHECK_THROWS_WITH_AS(some.spread(10), "which of 10 rows count is not known: there are 9 tokens", config_error);

  const auto whole = valid_rows<B>::of_lengths(lengths{3, 3}, 3);
  CHECK(whole.all());
  CHECK(whole.among(6) == 6);
  CHECK(whole.spread(12).all());
  CHECK_THROWS_WITH_AS(valid_rows<B>::of_lengths(lengths{4}, 3), "a sequence of 4 tokens in a batch of sequences of 3",
                       config_error);
  CHECK_THROWS_AS(valid_rows<B>::of_lengths(lengths{-1}, 3), config_error);

  const auto chosen = put_ids<B>({0, 1, 2, 3, 4, 5}, 3, 2);
  const auto first = valid_rows<B>::of_lengths(lengths{1}, 3);
  CHECK(valid_choices(chosen, first).to_host() ==
        std::vector<id_type>{0, 1, no_choice, no_choice, no_choice, no_choice});
  CHECK(chosen.to_host()[2] == 2);
  CHECK(valid_choices(chosen, {}).data() == chosen.data());
  CHECK_THROWS_WITH_AS(valid_choices(chosen, some), "valid_choices: 9 marks for 3 rows", config_error);
}

TEST_CASE_TEMPLATE("ops/valid_rows: means over the rows that count", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(6, 3, 1);
  const auto valid = valid_rows<B>::of_lengths(lengths{2, 1}, 3);
  const operation<B> f = [&](const inputs<B>& in) { return valid_means(in[0], valid); };
  table expected(1, 3);
  for (const index_t row : {0, 1, 3})
    for (index_t j = 0; j < 3; ++j) expected(0, j) += x(row, j) / 3;
  CHECK(difference(evaluate<B>(f, {x}), expected) < 1e-13);
  CHECK(gradient_error<B>(f, {x}) < 1e-8);
  const auto nobody = valid_rows<B>::of_lengths(lengths{0, 0}, 3);
  CHECK(get(valid_means(constant<B>(x), nobody).value()).values == std::vector<double>{0, 0, 0});
  CHECK(difference(get(valid_means(constant<B>(x), {}).value()), get(col_means(constant<B>(x)).value())) == 0);
  CHECK_THROWS_WITH_AS(valid_means(constant<B>(random_table(2, 3, 1)), valid), "valid_means: 6 marks for 2 rows",
                       config_error);
}
