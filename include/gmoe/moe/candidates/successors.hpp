#pragma once
/// Whom a token may ask next depends on whom it has asked: experts as a graph.

#include <algorithm>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"

namespace gmoe {

/// Experts on a ring: after expert e a token may ask the `fan` experts that follow it, e + 1, ..., e + fan, counted
/// modulo N; all experts where there are not so many. A form's first routing of a layer may ask anyone, and a token
/// that has asked nobody in the last one asks nobody any more.
struct successors {
  using slot = slots::candidates;
  index_t fan = 2;
  static constexpr auto fields = std::tuple{
      field{"fan", &successors::fan, "experts that may follow an expert: the next ones on a ring", at_least(1)}};

  template <class B>
  struct layer {
    matrix<B> edges;  ///< N x N: row e has ones at e's successors
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    const index_t n = l.experts;
    std::vector<typename B::scalar> ones(static_cast<std::size_t>(n * n), 0);
    for (index_t e = 0; e < n; ++e)
      for (index_t step = 1; step <= std::min(fan, n); ++step)
        ones[static_cast<std::size_t>(e * n + (e + step) % n)] = 1;
    return {matrix<B>::from_host(ones, n, n)};
  }

  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>& r, const auto& my) const {
    if (r.number == 0) return {};
    const auto made = at.earlier();  // the last one is r
    const id_matrix<B>& last = made[made.size() - 2].kept;
    require(last.cols() == 1, "block ", at.block, ": successors follow one expert per token, but the selection takes ",
            last.cols());
    matrix<B> open(last.rows(), r.experts);
    B::gather_rows(open.view(), my.layer.edges.view(), last.view(), nullptr, 0, 1);
    return open;
  }
};

}  // namespace gmoe
