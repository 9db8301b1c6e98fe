#pragma once
/// What selections over a batch have in common: thresholds that stand for the batch in evaluation.

#include <vector>

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/running_mean.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/repeat.hpp"

namespace gmoe {

/// T x N: choices of nobody.
template <class B>
id_matrix<B> nobody(index_t tokens, index_t experts) {
  id_matrix<B> choice(tokens, experts);
  B::fill(choice.view(), no_choice);
  return choice;
}

/// The choices (T x N, e in slot e) without those that the candidates leave out.
template <class B>
id_matrix<B> only_candidates(id_matrix<B> choice, const routing<B>& r) {
  if (r.mask.empty()) return choice;
  matrix<B> visible = matrix<B>::filled(choice.rows(), choice.cols(), 1);
  visible = mask_cols(variable<B>(std::move(visible)), r.mask).value();
  B::keep_where(choice.view(), visible.view());
  return choice;
}

/// rows x 1: the smallest of each row.
template <class B>
matrix<B> smallest_of_rows(const matrix<B>& x) {
  return gather_elements(variable<B>(x), choose_top_k(scale(variable<B>(x), -1).value(), 1)).value();
}

/// The experts whose score is above their entry in `limits` (1 x N), the `most` best by how much; best first.
template <class B>
id_matrix<B> choose_above_row(const routing<B>& r, const matrix<B>& limits, index_t most) {
  const matrix<B>& scores = r.scores.value();
  matrix<B> margin(scores.rows(), scores.cols());
  B::map_with_row(margin.view(), 0, fn::minus{}, scores.view(), limits.view());
  id_matrix<B> choice = r.mask.empty() ? choose_top_k(margin, most) : choose_top_k(margin, most, r.mask);
  B::keep_where(choice.view(), gather_elements(variable<B>(margin), choice).value().view());
  return choice;
}

/// Counts a row among those of which follow_mean() takes the mean: the passes of a step may be several.
template <class B>
void note_mean(const place<B>& at, literal name, matrix<B> row) {
  matrix<B> counted(1, row.cols() + 1);
  const auto all = counted.view();
  B::map(all.col_block(0, row.cols()), 0, fn::same{}, std::as_const(row).view());
  B::fill(all.col_block(row.cols(), 1), typename B::scalar(1));
  at.add_statistic(name, std::move(counted));
}
/// `mean` follows what the passes of the step have noted under the name; it stays if none has.
template <class B>
void follow_mean(buffer<B>& mean, const layer_statistics<B>& seen, literal name, double memory, std::int64_t step) {
  for (const auto& row : seen.rows) {
    if (row.name != name.text) continue;
    std::vector<double> now(row.values.begin(), row.values.end() - 1);
    for (double& v : now) v /= row.values.back();
    follow<B>(mean, now, memory, step);
  }
}

}  // namespace gmoe
