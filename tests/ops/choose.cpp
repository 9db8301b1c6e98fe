#include "gmoe/ops/choose.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "gmoe/backend/dispatch.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {
using ids = std::vector<id_type>;
}  // namespace

TEST_CASE_TEMPLATE("ops/choose: choices of each row", B, GMOE_TEST_BACKENDS) {
  const auto scores = put<B>(table(2, 4, {0.125, 0.5, 0.25, 0.125, 0.75, 0.0625, 0.125, 0.0625}));
  CHECK(choose_top_k(scores, 2).to_host() == ids{1, 2, 0, 2});
  CHECK(choose_top_k(scores, 0).cols() == 0);
  CHECK(choose_top_k(scores, 2, put<B>(table(1, 4, {1, 0, 1, 1}))).to_host() == ids{2, 0, 0, 2});
  CHECK(choose_top_k(scores, 2, put<B>(table(2, 4, {1, 0, 0, 0, 0, 1, 0, 1}))).to_host() == ids{0, none, 1, 3});
  CHECK(choose_top_p(scores, 0.7, 3).to_host() == ids{1, 2, none, 0, none, none});
  CHECK(choose_top_p(scores, 0.75, 3).to_host() == ids{1, 2, 0, 0, 2, none});
  CHECK(choose_top_p(scores, 1, 2).to_host() == ids{1, 2, 0, 2});
  CHECK(choose_above(scores, 0.1, 3).to_host() == ids{0, 1, 2, 0, 2, none});
  // One column with all the weight is drawn whatever the number.
  CHECK(sample_columns(put<B>(table(2, 3, {0, 4, 0, 0, 0, 0})), 2, random_stream(1)).to_host() ==
        ids{1, 1, none, none});
}

TEST_CASE_TEMPLATE("ops/choose: columns choose rows, within groups, and not the padding", B, GMOE_TEST_BACKENDS) {
  const auto scores = put<B>(table(4, 2, {1, 8, 2, 7, 3, 6, 4, 5}));
  CHECK(choose_rows(scores, 2, 4).to_host() == ids{3, 2, 0, 1});
  CHECK(choose_rows(scores, 1, 2).to_host() == ids{1, 0, 3, 2});
  const auto valid = put<B>(table(4, 1, {1, 1, 1, 0}));
  const id_matrix<B> rows = choose_rows(scores, 2, 2, valid);
  CHECK(rows.to_host() == ids{1, 0, 0, 1, 2, none, 2, none});
  const id_matrix<B> choice = choices_of_rows(rows, 4, 2);
  CHECK(choice.to_host() == ids{0, 1, 0, 1, 0, 1, none, none});
  const dispatch<B> pairs = sort_by_expert(choice, 2);
  CHECK(pairs.offsets.to_host() == ids{0, 3, 6});
  CHECK(choose_pairs(scores, 3).to_host() == ids{none, 1, none, 1, none, 1, none, none});
  CHECK(choose_pairs(scores, 3, put<B>(table(4, 1, {0, 1, 1, 1}))).to_host() ==
        ids{none, none, none, 1, none, 1, none, 1});
  CHECK(choose_pairs(scores, 0).to_host() == ids(8, none));
}

TEST_CASE_TEMPLATE("ops/choose: what does not fit is refused", B, GMOE_TEST_BACKENDS) {
  const auto scores = put<B>(table(4, 2));
  CHECK_THROWS_WITH_AS(choose_top_k(scores, 1, put<B>(table(2, 2))),
                       "choose_top_k: a mask of 2 x 2 for scores of 4 x 2", config_error);
  CHECK_THROWS_AS(choose_top_k(scores, -1, put<B>(table(1, 2))), config_error);
  CHECK_THROWS_WITH_AS(choose_top_k(scores, 3), "choose_top_k: 3 of 2 columns", config_error);
  CHECK_THROWS_WITH_AS(choose_top_p(scores, 0.5, 3), "choose_top_p: at most 3 of 2 columns", config_error);
  CHECK_THROWS_WITH_AS(choose_above(scores, 0.5, -1), "choose_above: at most -1 columns", config_error);
  CHECK_THROWS_WITH_AS(choose_rows(scores, 1, 3), "choose_rows: 1 rows of each group of 3 among 4", config_error);
  CHECK_THROWS_WITH_AS(choose_rows(scores, 1, 4, put<B>(table(1, 4))),
                       "choose_rows: valid rows must be 4 x 1, got 1 x 4", config_error);
  CHECK_THROWS_WITH_AS(choices_of_rows(id_matrix<B>(3, 1), 4, 2), "choices_of_rows: 3 lists of rows for 2 columns",
                       config_error);
  CHECK_THROWS_WITH_AS(choose_pairs(scores, -1), "choose_pairs: -1 pairs", config_error);
  CHECK_THROWS_WITH_AS(sample_columns(scores, -1, random_stream(1)), "sample_columns: k is -1", config_error);
}
