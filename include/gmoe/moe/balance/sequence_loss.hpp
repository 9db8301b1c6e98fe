#pragma once
/// An even load within every sequence: the complementary loss of DeepSeek-V3 (2024).

#include <limits>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/scale_by.hpp"

namespace gmoe {

/// For each layer the mean over the sequences of
///
///     alpha sum_i f_i P_i      f_i = N / (pairs of the sequence) times its pairs with expert i, a constant
///                              P_i = mean over its tokens of s_i / (sum_j s_j + 1e-9)
///
/// alpha when the load is even. Shares of scores, so that these need not sum to one: sigmoid scores do not. Sequences
/// of padding alone do not count.
struct sequence_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "sequence";
  double alpha = 1e-4;
  static constexpr auto fields =
      std::tuple{field{"alpha", &sequence_loss::alpha, "coefficient of the loss of each sequence", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    const index_t rows = r.scores.rows(), sequences = at.batch, n = r.experts;
    require(sequences >= 1 && rows % sequences == 0, "sequence_loss: ", rows, " rows of ", sequences, " sequences");
    const auto each = [&](const variable<B>& x) {  // sums over each sequence, sequences x columns
      return reshape(row_sums(transpose_groups(x, rows / sequences)), sequences, x.cols());
    };
    const auto ones = [&](index_t cols) { return at.constant(matrix<B>::filled(rows, cols, typename B::scalar(1))); };
    const variable<B> marks = r.valid.all() ? ones(1) : at.constant(r.valid.mask);
    const variable<B> tokens = each(marks);
    const variable<B> load = each(scatter_elements(ones(r.chosen.cols()), r.chosen, n));
    const variable<B> f = multiply_col(load, reciprocal(some(row_sums(load))));
    const variable<B> shares = multiply_col(normalize_sums(r.scores, 1e-9), marks);
    const variable<B> p = multiply_col(each(shares), reciprocal(some(tokens)));
    const variable<B> count = some(sum(clamp(tokens, 0, 1)));  // sequences that are not padding alone
    return scale(scale_by(reciprocal(count), dot(p, f)), alpha * static_cast<double>(n));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    return switch_loss::check_partners<Card, B>();
  }

 private:
  /// At least one, of what is counted.
  template <class B>
  static variable<B> some(const variable<B>& count) {
    return clamp(count, 1, std::numeric_limits<float>::max());
  }
};

}  // namespace gmoe
