#pragma once
/// Tables that say for every token id which expert it goes to.

#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/autograd/buffer.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

namespace fn {
/// 1 where two whole numbers are equal, else 0.
struct equal_whole {
  template <class T>
  GMOE_HD T operator()(const T& a, const T& b) const {
    return max(T(1) - abs(a - b), T(0));
  }
};
struct take_second {
  template <class T>
  GMOE_HD T operator()(const T&, const T& b) const {
    return b;
  }
};
}  // namespace fn

/// 0, 1, ... n - 1 as a row.
template <class B>
matrix<B> numbers_below(index_t n) {
  std::vector<typename B::scalar> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), typename B::scalar(0));
  return matrix<B>::from_host(numbers, 1, n);
}

/// T x N: 1 in the column of each row's number (T x 1), else 0. `numbers` are those below N.
template <class B>
matrix<B> marks_of(const matrix<B>& chosen, const matrix<B>& numbers) {
  matrix<B> marks(chosen.rows(), numbers.cols());
  B::fill(marks.view(), typename B::scalar(0));
  B::map_with_row(marks.view(), 0, fn::take_second{}, std::as_const(marks).view(), numbers.view());
  B::map_with_col(marks.view(), 0, fn::equal_whole{}, std::as_const(marks).view(), chosen.view());
  return marks;
}

/// T x 1: the entry of each token's id in a table with one per id.
template <class B>
matrix<B> look_up(const buffer<B>& table, const id_matrix<B>& tokens) {
  matrix<B> found(tokens.size(), 1);
  B::gather_rows(found.view(), table.value().view(), tokens.view(), nullptr, 0, 1);
  return found;
}

/// Writes a table of whole numbers below `table.choices()`, one for every id. `who` is told in errors.
template <class B>
void assign_table(const char* who, buffer<B>& table, std::span<const id_type> entries) {
  require(static_cast<index_t>(entries.size()) == table.value().rows(), who, ": ", entries.size(),
          " entries for a vocabulary of ", table.value().rows());
  for (std::size_t i = 0; i < entries.size(); ++i)
    require(entries[i] >= 0 && entries[i] < table.choices(), who, ": token ", i, " is given expert ", entries[i],
            ", expected 0 to ", table.choices() - 1);
  const std::vector<typename B::scalar> values(entries.begin(), entries.end());
  table.value() = matrix<B>::from_host(values, table.value().rows(), 1);
}

}  // namespace gmoe
