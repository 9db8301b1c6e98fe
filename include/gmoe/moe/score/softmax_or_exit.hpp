#pragma once
/// Scores of those who may be asked next, and of asking nobody any more: for sequences of experts that end by
/// themselves.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// z has N + 1 columns, the last one for the exit. In a layer's first routing p = softmax(z_1 ... z_N): there is
/// nothing to leave yet. In later ones p = softmax over the candidates and the exit, whose share is noted as "exit" (T
/// x 1). A token without candidates has left: its scores and its exit are 0.
struct softmax_or_exit {
  using slot = slots::score;
  index_t columns(index_t experts) const { return experts + 1; }

  template <class B>
  variable<B> scores(const place<B>& at, const routing<B>& r) const {
    const index_t n = r.experts, rows = r.logits.rows();
    if (r.number == 0) {
      r.note("exit", at.constant(matrix<B>::filled(rows, 1, typename B::scalar(0))));
      return softmax_rows(columns_of(r.logits, 0, n));
    }
    require(r.mask.rows() == rows && r.mask.cols() == n, "block ", at.block,
            ": softmax_or_exit knows by its candidates who has left, a row for every token; the card takes successors");
    matrix<B> open(rows, n + 1);
    B::map(open.view().col_block(0, n), 0, fn::same{}, r.mask.view());
    B::row_sums(open.view().col_block(n, 1), 0, 1, r.mask.view());  // above 0: not left yet
    const variable<B> p = masked_softmax_rows(r.logits, open);
    r.note("exit", columns_of(p, n, 1));
    return columns_of(p, 0, n);
  }
};

}  // namespace gmoe
