#pragma once
/// Cross entropy of softmax(logits). Rows without target need finite logits here: theirs are multiplied by zero.

#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct cross_entropy_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void cross_entropy(out loss, in logits, ids target) {
    const ids aim = column(target, logits.rows);
    const matrix<B> wanted = has_target(aim, logits.cols);
    matrix<B> aimed(logits.rows, 1);
    B::gather_elements(aimed.view(), logits, aim);
    B::log_sum_exp_rows(loss, logits);
    B::map(loss, S(0), fn::minus{}, loss, aimed.view());
    B::map(loss, S(0), fn::times{}, loss, wanted.view());
  }

  /// In place: no second matrix of the logits' size.
  static void cross_entropy_with_gradient(out logits, out loss, ids target, S factor) {
    const ids aim = column(target, logits.rows);
    const matrix<B> top = largest_of_rows<B>(logits), minus = matrix<B>::filled(logits.rows, 1, -1);
    matrix<B> wanted = has_target(aim, logits.cols), aimed(logits.rows, 1), sum(logits.rows, 1);
    B::gather_elements(aimed.view(), logits, aim);
    B::map_with_col(logits, S(0), fn::exp_of_difference{}, logits, top.view());
    B::row_sums(sum.view(), S(0), S(1), logits);
    B::map_with_col(logits, S(0), fn::over{}, logits, sum.view());
    B::scatter_add_elements(logits, minus.view(), aim);
    B::map(loss, S(0), log_of{}, sum.view());
    B::map(loss, S(0), fn::plus{}, loss, top.view());
    B::map(loss, S(0), fn::minus{}, loss, aimed.view());
    B::map(loss, S(0), fn::times{}, loss, wanted.view());
    B::map(wanted.view(), S(0), fn::scaled<S>{factor}, wanted.view());
    B::map_with_col(logits, S(0), fn::times{}, logits, wanted.view());
  }

 private:
  /// A flat list of targets, one per row.
  static ids column(ids target, index_t rows) { return {target.data, rows, 1, 1}; }

  /// 1 where there is a target, 0 where it is `no_target`, which is `no_choice` to a gather.
  static matrix<B, S> has_target(ids target, index_t classes) {
    static_assert(no_target == no_choice);
    const matrix<B> every = ones<B>(classes, 1);
    matrix<B> there(target.rows, 1);
    B::gather_rows(there.view(), every.view(), target, nullptr, 0, 1);
    return there;
  }
};

}  // namespace gmoe::generic
