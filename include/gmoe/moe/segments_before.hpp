#pragma once
/// Sequences in segments, each decided by the one before.

#include <utility>

#include "gmoe/core/recycled.hpp"
#include "gmoe/ops/batched_matmul.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// What was read of sequences that go on.
template <class B>
struct running_segments {
  index_t rows = 0;   ///< of each sequence
  matrix<B> decides;  ///< sequences x d: what decides the segment in which the next row stands
  matrix<B> sum;      ///< sequences x d, of the rows of that segment so far; empty where it begins
};

/// The rows of sequences in segments of one length, whatever the place is at which they go on.
template <class B>
class segments_before {
 public:
  /// x: T x d, T a multiple of `sequence`; `before` has the rows of x too afterwards.
  segments_before(const variable<B>& x, index_t sequence, index_t segment, running_segments<B>& before)
      : sequences_(x.rows() / sequence), first_(before.rows % segment), count_((first_ + sequence - 1) / segment + 1) {
    const index_t d = x.cols();
    rows_ = x;
    if (count_ > 1) spread(x, sequence, segment);
    const index_t each = rows_.rows() / (sequences_ * count_);
    const variable<B> ones(matrix<B>::filled(sequences_ * count_, each, 1), x.recorded_on(), false);
    // Sums of segments side by side.
    const variable<B> sums = reshape(batched_matmul(ones, rows_, sequences_ * count_), sequences_, count_ * d);
    const auto constant = [&](const matrix<B>& m) { return variable<B>(m, x.recorded_on(), false); };
    const auto sum_of = [&](index_t s) {
      const variable<B> sum = columns_of(sums, s * d, d);
      return s == 0 && !before.sum.empty() ? add(sum, constant(before.sum)) : sum;
    };
    variable<B> last =
        before.rows > 0 ? constant(before.decides) : columns_of(reshape(x, sequences_, sequence * d), 0, d);
    variable<B> all = last;
    const double share = 1.0 / static_cast<double>(segment);
    for (index_t s = 1; s < count_; ++s) {
      last = scale(sum_of(s - 1), share);
      all = concat_cols(all, last);
    }
    decide_ = reshape(all, sequences_ * count_, d);
    const variable<B> sum = sum_of(count_ - 1);
    const bool is_full = (before.rows + sequence) % segment == 0;
    before = {before.rows + sequence, is_full ? scale(sum, share).value() : last.value(),
              is_full ? matrix<B>() : sum.value()};
  }

  /// What decides each segment, sequence after sequence: the mean of the one before, or the sequence's first row.
  const variable<B>& decide() const { return decide_; }
  /// As many rows for each segment: those of x, and zeros where it has none.
  const variable<B>& rows() const { return rows_; }
  /// Those that are x's.
  variable<B> put_back(const variable<B>& y) const { return count_ > 1 ? take_rows(y, places_) : y; }

 private:
  void spread(const variable<B>& x, index_t sequence, index_t segment) {
    recycled_vector<id_type> places(static_cast<std::size_t>(x.rows()));
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto row = static_cast<index_t>(i);
      places[i] = static_cast<id_type>(row / sequence * count_ * segment + first_ + row % sequence);
    }
    places_ = id_matrix<B>::from_host(places, 1, x.rows());
    rows_ = scatter_rows(x, places_, sequences_ * count_ * segment);
  }

  index_t sequences_, first_, count_;
  id_matrix<B> places_;
  variable<B> rows_, decide_;
};

}  // namespace gmoe
