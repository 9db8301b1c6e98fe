#pragma once
/// The weight of a nested expert: around 1, as much as it was wanted (after Jain et al. 2024).

#include <vector>

#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/scale_by.hpp"

namespace gmoe {

/// w = 1 + a p_e for all of a token's experts, where e is the highest of them and a a learned number of the layer, at
/// first 0. For selections that take experts 0 to e (nested_choice).
struct nested_weight {
  using slot = slots::gate;

  template <class B>
  struct layer {
    parameter<B> strength;  ///< a
    matrix<B> highest;      ///< N x N: from marks of experts 0 to e to a mark of e
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> made{make.constant("strength", 1, 1, 0), {}};
    if (make.mode() == build_mode::shapes_only) return made;
    const auto n = static_cast<std::size_t>(l.experts);
    std::vector<typename B::scalar> difference(n * n);  // column j: mark j less mark j + 1
    for (std::size_t j = 0; j < n; ++j) {
      difference[j * n + j] = 1;
      if (j + 1 < n) difference[(j + 1) * n + j] = -1;
    }
    made.highest = matrix<B>::from_host(difference, l.experts, l.experts);
    return made;
  }
  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r, const auto& my) const {
    matrix<B> marks(r.scores.rows(), r.experts);
    B::one_hot(marks.view(), r.chosen.view());
    const variable<B> highest = matmul(at.constant(std::move(marks)), at.constant(my.layer.highest));
    const variable<B> wanted = scale_by(at.use(my.layer.strength), row_sums(multiply(r.scores, highest)));
    return add_col(at.constant(matrix<B>::filled(r.chosen.rows(), r.chosen.cols(), 1)), wanted);
  }
};

}  // namespace gmoe
