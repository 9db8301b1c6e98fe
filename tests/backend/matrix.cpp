#include "gmoe/backend/matrix.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("backend/matrix: from_host and to_host keep every element in row-major order", B,
                   GMOE_TEST_BACKENDS) {
  const table t = random_table(3, 5, 1);
  const matrix<B> m = put<B>(t);
  CHECK(m.rows() == 3);
  CHECK(m.cols() == 5);
  CHECK(m.size() == 15);
  CHECK(get(m).values == t.values);
  CHECK(get(matrix<B>::filled(2, 3, 4)).values == std::vector<double>(6, 4.0));
  CHECK(matrix<B>::filled(1, 1, 2.5).item() == 2.5);
  const std::vector<id_type> ids{3, -1, 7};
  CHECK(id_matrix<B>::from_host(ids, 1, 3).to_host() == ids);
}

TEST_CASE_TEMPLATE("backend/matrix: copies share the buffer, clones do not", B, GMOE_TEST_BACKENDS) {
  matrix<B> a = put<B>(random_table(2, 2, 2));
  CHECK_FALSE(a.shared());
  matrix<B> same = a, other = a.clone();
  CHECK(a.shared());
  CHECK(same.data() == a.data());
  CHECK(other.data() != a.data());
  CHECK_FALSE(other.shared());
  CHECK(get(other).values == get(a).values);
  B::fill(a.view(), typename B::scalar(9));
  CHECK(get(same).values == std::vector<double>(4, 9.0));
  CHECK(get(other).values != get(a).values);

  same = matrix<B>();
  CHECK_FALSE(a.shared());
  const matrix<B> moved = std::move(a);
  CHECK_FALSE(moved.shared());
  CHECK(get(moved).values == std::vector<double>(4, 9.0));
}

TEST_CASE_TEMPLATE("backend/matrix: another shape of the same elements", B, GMOE_TEST_BACKENDS) {
  const matrix<B> a = put<B>(random_table(2, 6, 3));
  const matrix<B> b = a.reshaped(4, 3);
  CHECK(b.rows() == 4);
  CHECK(b.data() == a.data());
  CHECK(get(b).values == get(a).values);
}

TEST_CASE_TEMPLATE("backend/matrix: no elements need no memory", B, GMOE_TEST_BACKENDS) {
  const matrix<B> nothing, no_rows(0, 4);
  CHECK(nothing.empty());
  CHECK(no_rows.empty());
  CHECK(no_rows.cols() == 4);
  CHECK(no_rows.data() == nullptr);
  CHECK(no_rows.to_host().empty());
  CHECK(no_rows.clone().rows() == 0);
}

TEST_CASE_TEMPLATE("backend/matrix: wrong sizes name themselves", B, GMOE_TEST_BACKENDS) {
  const std::vector<typename B::scalar> five(5);
  CHECK_THROWS_WITH_AS(matrix<B>::from_host(five, 2, 3), "matrix::from_host: 5 values given for 2 x 3", config_error);
  const matrix<B> m(2, 3);
  CHECK_THROWS_WITH_AS(m.item(), "matrix::item: the matrix is 2 x 3, not 1 x 1", config_error);
  CHECK_THROWS_WITH_AS(m.reshaped(4, 2), "matrix::reshaped: 2 x 3 cannot become 4 x 2", config_error);
}

TEST_CASE("backend/matrix: views address rectangles") {
  std::vector<int> numbers(20);
  for (int i = 0; i < 20; ++i) numbers[static_cast<std::size_t>(i)] = i;
  const matrix_view<int> v{numbers.data(), 4, 5, 5};
  CHECK(v(2, 3) == 13);
  CHECK(v.contiguous());
  CHECK(v.row_block(1, 2)(0, 0) == 5);
  CHECK(v.row_block(1, 2).contiguous());
  const matrix_view<int> inner = v.row_block(1, 2).col_block(2, 3);
  CHECK(inner.rows == 2);
  CHECK(inner.cols == 3);
  CHECK(inner(1, 2) == 14);
  CHECK_FALSE(inner.contiguous());
  CHECK(inner.row_block(0, 1).contiguous());
  const matrix_view<const int> constant = inner;
  CHECK(constant(0, 0) == 7);
}

TEST_CASE_TEMPLATE("backend/memory: uploads, downloads and copies are byte for byte; fill respects strides", B,
                   GMOE_TEST_BACKENDS) {
  static_assert(backend<B>);
  const std::vector<id_type> from{5, 6, 7};
  id_matrix<B> a(1, 3), b(1, 3);
  B::upload(a.data(), from.data(), 3 * sizeof(id_type));
  B::copy(b.data(), a.data(), 3 * sizeof(id_type));
  std::vector<id_type> to(3);
  B::download(to.data(), b.data(), 3 * sizeof(id_type));
  CHECK(to == from);

  framed<B> f(random_table(3, 4, 4));
  B::fill(f.view(), typename B::scalar(2));
  CHECK(f.inner().values == std::vector<double>(12, 2.0));
  CHECK(f.border_untouched());

  B::fill(b.view(), id_type{-1});
  CHECK(b.to_host() == std::vector<id_type>(3, -1));
}
