#include "gmoe/ops/rows_by_id.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/rows_by_id: rows taken, added and put back", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const std::vector<id_type> list{3, no_choice, 0, 3, no_choice, 1};
  const auto ids = put_ids<B>(list, 3, 2);
  const table x = random_table(4, 3, 1), part = random_table(6, 3, 2);
  table taken(6, 3), sum = x, scattered(4, 3);
  for (index_t i = 0; i < 6; ++i)
    for (index_t j = 0; j < 3; ++j) {
      const id_type id = list[static_cast<std::size_t>(i)];
      if (id == no_choice) continue;
      taken(i, j) = x(id, j);
      sum(id, j) += part(i, j);
      scattered(id, j) += part(i, j);
    }
  const operation<B> take = [&](const inputs<B>& in) { return take_rows(in[0], ids); };
  const operation<B> put = [&](const inputs<B>& in) { return add_rows(in[0], in[1], ids); };
  const operation<B> scatter = [&](const inputs<B>& in) { return scatter_rows(in[0], ids, 4); };
  CHECK(difference(evaluate<B>(take, {x}), taken) == 0);
  CHECK(difference(evaluate<B>(put, {x, part}), sum) < 1e-14);
  CHECK(difference(evaluate<B>(scatter, {part}), scattered) < 1e-14);
  CHECK(gradient_error<B>(take, {x}) < 1e-8);
  CHECK(gradient_error<B>(put, {x, part}) < 1e-8);
  CHECK(gradient_error<B>(scatter, {part}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/rows_by_id: no rows at all, and a matrix that meets itself", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(4, 3, 1);
  const id_matrix<B> nobody(0, 1);
  const auto reversed = put_ids<B>({3, 2, 1, 0}, 1, 4);
  const variable<B> v = constant<B>(x);
  CHECK(take_rows(v, nobody).rows() == 0);
  CHECK(difference(get(add_rows(v, take_rows(v, nobody), nobody).value()), x) == 0);
  CHECK(gradient_error<B>([&](const inputs<B>& in) { return add_rows(in[0], in[0], reversed); }, {x}) < 1e-8);
  // A layer that only some of the tokens visit.
  const auto some = put_ids<B>({2, 0}, 1, 2);
  const operation<B> visit = [&](const inputs<B>& in) {
    return add_rows(in[0], gmoe::tanh(take_rows(in[0], some)), some);
  };
  CHECK(gradient_error<B>(visit, {x}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/rows_by_id: shapes must agree", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto ids = put_ids<B>({0, 1}, 1, 2);
  const variable<B> y = constant<B>(table(3, 2));
  CHECK_THROWS_WITH_AS(add_rows(y, constant<B>(table(1, 2)), ids), "add_rows: 1 x 2 and 2 ids for 3 x 2", config_error);
  CHECK_THROWS_AS(add_rows(y, constant<B>(table(2, 3)), ids), config_error);
  CHECK_THROWS_WITH_AS(scatter_rows(y, ids, 4), "scatter_rows: 2 ids for 3 rows", config_error);
}
