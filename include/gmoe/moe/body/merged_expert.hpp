#pragma once
/// Soft merging (Muqeeth et al. 2023, SMEAR): not what experts say is mixed, but what they are.
///
///     theta = sum_i w_i theta_i        y = E_theta(x) = W2 act(W1 x),  W1 = sum_i w_i W1_i,  W2 = sum_i w_i W2_i

#include <algorithm>

#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/ops/batched_matmul.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// One expert is made for every row of the routing, with its weights, and computes as many rows of x as there are for
/// each: all of a sequence, or one token. Making it costs as much as N experts do for one token, so that few rows of a
/// routing for many of x are what this is for. All experts are of one width.
template <class Activation>
struct merged_expert : activation_expert<Activation> {
  static constexpr bool merges = true;

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const expert_bank<B>& bank = my.weights;
    const index_t groups = r.kept.rows(), width = bank.units(0);
    require(groups > 0 && x.rows() % groups == 0, "block ", at.block, ": ", groups, " merged experts for ", x.rows(),
            " rows");
    for (index_t e = 1; e < bank.experts(); ++e)
      require(bank.units(e) == width, "block ", at.block, ": experts of ", width, " and ", bank.units(e),
              " hidden units cannot be merged");
    const variable<B> w = r.weights ? r.weights : at.constant(matrix<B>::filled(groups, r.kept.cols(), 1));
    const variable<B> shares = scatter_elements(w, r.kept, r.experts);  // groups x N
    const auto merge = [&](const parameter<B>& p) {
      return reshape(matmul(shares, seen(at.use(p), *r.visible, width)), groups * width, p.cols());
    };
    const variable<B> hidden = batched_matmul(x, merge(bank.w_in()), groups, op::none, op::transpose);
    return batched_matmul(apply(Activation{}, hidden), merge(bank.w_out()), groups);
  }

 private:
  /// The matrices of the visible experts, one in a row.
  template <class B>
  static variable<B> seen(const variable<B>& all, const std::vector<id_type>& visible, index_t width) {
    const index_t n = std::ssize(visible), size = width * all.cols();
    const bool in_order =
        std::ranges::adjacent_find(visible, [](id_type a, id_type b) { return b != a + 1; }) == visible.end();
    if (in_order) return reshape(rows_of(all, visible.front() * width, n * width), n, size);
    return take_rows(reshape(all, all.rows() / width, size), id_matrix<B>::from_host(visible, 1, n));
  }
};

}  // namespace gmoe
