#include "gmoe/backend/eigen/block_product.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;
using eigen::triangle;

namespace {

template <class S>
constexpr double rounding = std::is_same_v<S, float> ? 1e-5 : 1e-13;

template <class S>
std::vector<S> numbers(const table& t) {
  return std::vector<S>(t.values.begin(), t.values.end());
}

/// C = A B, or C += A B, against loops that know the mask; elements above the diagonal of a `c_lower` are free.
template <class S>
void check_product(index_t m, index_t n, index_t depth, bool transposed, bool add, triangle mask, index_t offset) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(depth);
  CAPTURE(transposed);
  CAPTURE(add);
  CAPTURE(static_cast<int>(mask));
  CAPTURE(offset);
  table a = transposed ? random_table(depth, m, 1) : random_table(m, depth, 1);
  const auto element = [&](index_t i, index_t k) -> double& { return transposed ? a(k, i) : a(i, k); };
  for (index_t i = 0; i < m; ++i)
    for (index_t k = 0; k < depth; ++k)
      if ((mask == triangle::a_lower && k > i + offset) || (mask == triangle::a_upper && k < i + offset))
        element(i, k) = 0;
  const index_t stride = eigen::whole_packs<S>(n);
  table b(depth, stride), c(m, stride + 1, -7);
  const table given = random_table(depth, n, 2), before = random_table(m, n, 3);
  for (index_t j = 0; j < n; ++j) {
    for (index_t k = 0; k < depth; ++k) b(k, j) = given(k, j);
    for (index_t i = 0; i < m; ++i) c(i, j) = add ? before(i, j) : not_a_number;
  }
  const auto left = numbers<S>(a), right = numbers<S>(b);
  auto result = numbers<S>(c);
  eigen::block_product<S>::run(
      m, stride, depth, transposed ? eigen::strided<S>{left.data(), 1, m} : eigen::strided<S>{left.data(), depth, 1},
      right.data(), stride, result.data(), stride + 1, add, mask, offset);
  for (index_t i = 0; i < m; ++i) {
    for (index_t j = 0; j < n; ++j) {
      if (mask == triangle::c_lower && j > i + offset) continue;
      double expected = add ? before(i, j) : 0;
      for (index_t k = 0; k < depth; ++k) expected += element(i, k) * given(k, j);
      CHECK(std::abs(result[static_cast<std::size_t>(i * (stride + 1) + j)] - expected) < rounding<S>);
    }
    CHECK(result[static_cast<std::size_t>(i * (stride + 1) + stride)] == -7);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("backend/eigen/block_product: equals the loops, whole and under a mask", S, float, double) {
  for (index_t m : {1, 7, 8, 29, 64})
    for (index_t n : {1, 8, 16, 40, 64})
      for (index_t depth : {1, 13, 64})
        for (bool transposed : {false, true})
          for (bool add : {false, true}) check_product<S>(m, n, depth, transposed, add, triangle::none, 0);
  for (triangle mask : {triangle::c_lower, triangle::a_lower, triangle::a_upper})
    for (index_t size : {1, 5, 16, 33, 64})
      for (bool add : {false, true}) check_product<S>(size, size, size, true, add, mask, 0);
  for (index_t offset : {1, 64}) {
    check_product<S>(20, 32, 20 + offset, false, false, triangle::a_lower, offset);
    check_product<S>(20, 32, 20 + offset, false, false, triangle::a_upper, offset);
    check_product<S>(20, 20 + offset, 9, false, false, triangle::c_lower, offset);
  }
}

TEST_CASE_TEMPLATE("backend/eigen/block_product: packed factors are the matrix, or its transpose, and zeros beside", S,
                   float, double) {
  using B = cpu<S>;
  for (index_t rows : {1, 15, 64})
    for (index_t cols : {1, 8, 20, 32}) {
      const table t = random_table(rows, cols, 4);
      const framed<B> from(t);
      const index_t wide = eigen::whole_packs<S>(cols), tall = eigen::whole_packs<S>(rows);
      std::vector<S> packed(static_cast<std::size_t>(rows * wide), S(9)),
          turned(static_cast<std::size_t>(cols * tall), 9);
      eigen::pack_rows(packed.data(), from.in(), S(2));
      eigen::pack_transposed(turned.data(), tall, from.in());
      for (index_t i = 0; i < rows; ++i)
        for (index_t j = 0; j < wide; ++j)
          CHECK(packed[static_cast<std::size_t>(i * wide + j)] == (j < cols ? 2 * t(i, j) : 0));
      for (index_t j = 0; j < cols; ++j)
        for (index_t i = 0; i < tall; ++i)
          CHECK(turned[static_cast<std::size_t>(j * tall + i)] == (i < rows ? t(i, j) : 0));
    }
}
