#pragma once
/// Cross entropy of softmax(logits). Rows without target need finite logits here: theirs are multiplied by zero.

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

  static void cross_entropy_with_gradient(out logits, out loss, ids target, S factor) {
    B::cross_entropy(loss, logits, target);
    const ids aim = column(target, logits.rows);
    const matrix<B> wanted = has_target(aim, logits.cols), minus = matrix<B>::filled(logits.rows, 1, -1);
    B::softmax_rows(logits, logits);
    B::scatter_add_elements(logits, minus.view(), aim);
    B::map(logits, S(0), fn::scaled<S>{factor}, logits);
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
