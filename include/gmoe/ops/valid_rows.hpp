#pragma once
/// Which rows of a batch count, where sequences of unequal length stand in rows of equal length.

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/repeat.hpp"

namespace gmoe {

template <class B>
struct valid_rows {
  matrix<B> mask;     ///< T x 1 of ones and zeros; empty: all rows count
  index_t count = 0;  ///< of ones

  /// Sequence b counts with its first lengths[b] rows of `sequence`; what follows is padding.
  static valid_rows of_lengths(std::span<const index_t> lengths, index_t sequence) {
    valid_rows v;
    for (const index_t length : lengths) {
      require(length >= 0 && length <= sequence, "a sequence of ", length, " tokens in a batch of sequences of ",
              sequence);
      v.count += length;
    }
    const index_t rows = std::ssize(lengths) * sequence;
    if (v.count == rows) return v;
    std::vector<typename B::scalar> marks(static_cast<std::size_t>(rows), 0);
    for (std::size_t b = 0; b < lengths.size(); ++b)
      std::fill_n(marks.begin() + static_cast<std::ptrdiff_t>(b) * sequence, lengths[b], typename B::scalar(1));
    v.mask = matrix<B>::from_host(marks, rows, 1);
    return v;
  }

  bool all() const { return mask.empty(); }
  /// How many of `rows` count.
  index_t among(index_t rows) const { return all() ? rows : count; }
  /// The same for some of the rows, by their numbers (1 x R).
  valid_rows of(const id_matrix<B>& rows) const {
    if (all()) return *this;
    valid_rows some{matrix<B>(rows.size(), 1), 0};
    B::gather_rows(some.mask.view(), mask.view(), rows.view(), nullptr, 0, 1);
    for (const auto v : some.mask.to_host()) some.count += v > 0;
    if (some.count == rows.size()) return {};
    return some;
  }
  /// The same where every row is cut into parts that follow each other, `rows` of them all together.
  valid_rows spread(index_t rows) const {
    if (all() || rows == mask.rows()) return *this;
    require(rows % mask.rows() == 0, "which of ", rows, " rows count is not known: there are ", mask.rows(), " tokens");
    const index_t parts = rows / mask.rows();
    matrix<B> each(mask.rows(), parts);
    detail::spread_col<B>(each.view(), 0, mask);
    return {each.reshaped(rows, 1), count * parts};
  }
};

/// The mean over the rows that count, 1 x cols: y = sum_t v_t x_t / sum_t v_t. Zeros where none does.
///     dx_t = v_t dy / sum_t v_t
template <class B>
variable<B> valid_means(const variable<B>& x, const std::type_identity_t<valid_rows<B>>& valid) {
  if (valid.all()) return col_means(x);
  require(valid.mask.rows() == x.rows(), "valid_means: ", valid.mask.rows(), " marks for ", x.rows(), " rows");
  return scale(matmul(variable<B>(valid.mask.reshaped(1, x.rows()), x.recorded_on(), false), x),
               1.0 / static_cast<double>(std::max<index_t>(valid.count, 1)));
}

/// The choices (T x K) of the rows that count; the slots of the others are empty.
template <class B>
id_matrix<B> valid_choices(const id_matrix<B>& choice, const std::type_identity_t<valid_rows<B>>& valid) {
  if (valid.all()) return choice;
  require(valid.mask.rows() == choice.rows(), "valid_choices: ", valid.mask.rows(), " marks for ", choice.rows(),
          " rows");
  id_matrix<B> left = choice.clone();
  B::empty_rows(left.view(), valid.mask.view());
  return left;
}

}  // namespace gmoe
