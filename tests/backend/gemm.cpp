#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
void check_product(op op_a, op op_b, index_t m, index_t n, index_t k, double alpha, double beta) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(static_cast<int>(op_a));
  CAPTURE(static_cast<int>(op_b));
  CAPTURE(alpha);
  CAPTURE(beta);
  const table a = op_a == op::none ? random_table(m, k, 1) : random_table(k, m, 1);
  const table b = op_b == op::none ? random_table(k, n, 2) : random_table(n, k, 2);
  const table c = beta == 0 ? table(m, n, not_a_number) : random_table(m, n, 3);
  const framed<B> fa(a), fb(b);
  framed<B> fc(c);
  using scalar = typename B::scalar;
  B::gemm(op_a, op_b, static_cast<scalar>(alpha), fa.in(), fb.in(), static_cast<scalar>(beta), fc.view());
  CHECK(difference(fc.inner(), product(op_a, op_b, alpha, a, b, beta, c)) < tolerance<B>);
  CHECK(fc.border_untouched());
}

constexpr op ops[] = {op::none, op::transpose};

}  // namespace

TEST_CASE_TEMPLATE("backend/gemm: equals three loops, for every transposition, odd sizes and sub-blocks", B,
                   GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    const index_t shapes[][3] = {{1, 1, 1}, {5, 7, 3}, {1, 13, 9}, {17, 1, 5}, {1, 1, 31}, {33, 29, 41}, {2, 65, 1}};
    for (const auto& s : shapes)
      for (op a : ops)
        for (op b : ops) check_product<B>(a, b, s[0], s[1], s[2], 1, 0);
  });
}

TEST_CASE_TEMPLATE("backend/gemm: alpha and beta; beta 0 never reads the result", B, GMOE_TEST_BACKENDS) {
  for (op a : ops)
    for (op b : ops)
      for (double alpha : {1.0, -0.5})
        for (double beta : {0.0, 1.0, 0.25}) {
          check_product<B>(a, b, 9, 6, 11, alpha, beta);
          check_product<B>(a, b, 1, 6, 11, alpha, beta);
        }
}

TEST_CASE_TEMPLATE("backend/gemm: large products, cut over threads by rows or by columns", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (op a : ops)
      for (op b : ops) {
        check_product<B>(a, b, 131, 67, 53, 1, 0);  // by rows
        check_product<B>(a, b, 19, 301, 47, 1, 1);  // by columns
        check_product<B>(a, b, 1, 801, 401, 1, 0);  // one row, by columns
        check_product<B>(a, b, 523, 33, 21, 2, 1);
      }
  });
}

TEST_CASE_TEMPLATE("backend/gemm: no rows, no columns, no depth", B, GMOE_TEST_BACKENDS) {
  for (op a : ops)
    for (op b : ops) {
      check_product<B>(a, b, 0, 4, 3, 1, 0);
      check_product<B>(a, b, 4, 0, 3, 1, 0);
      check_product<B>(a, b, 4, 3, 0, 1, 0);  // an empty sum is zero
      check_product<B>(a, b, 4, 3, 0, 1, 0.5);
      check_product<B>(a, b, 1, 3, 0, 1, 1);
    }
}

TEST_CASE_TEMPLATE("backend/gemm: NaN in a factor arrives in the result", B, GMOE_TEST_BACKENDS) {
  table a = random_table(4, 3, 5);
  a(2, 1) = not_a_number;
  matrix<B> c(4, 2);
  B::gemm(op::none, op::none, 1, put<B>(a).view(), put<B>(random_table(3, 2, 6)).view(), 0, c.view());
  const table y = get(c);
  CHECK(std::isnan(y(2, 0)));
  CHECK(std::isfinite(y(1, 0)));
}
