#pragma once
/// A gate for every stratum of experts (Xu et al. 2023), which knows those ahead alone.

#include <vector>

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/strata.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// z = W_s u in round s for the experts of stratum s and after it, 0 for those behind: W_s has a row for each of the
/// former, and none for the latter. Strata are as many as the form has rounds.
struct strata_gates {
  using slot = slots::router;

  template <class B>
  struct layer {
    std::vector<parameter<B>> gates;  ///< W_s
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    layer<B> my;
    for (index_t s = 0; s < l.rounds; ++s)
      my.gates.push_back(make.scope("stratum", s).linear("gate", strata{l.experts, l.rounds}.from(s), l.d_model));
    return my;
  }
  /// On average over the rounds.
  index_t products(const layer_shape& l) const {
    index_t rows = 0;
    for (index_t s = 0; s < l.rounds; ++s) rows += strata{l.experts, l.rounds}.from(s);
    return rows * l.d_model / l.rounds;
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const auto s = static_cast<std::size_t>(at.round_number);
    require(s < my.layer.gates.size(), "strata_gates: round ", s, " of a form that told of ", my.layer.gates.size());
    const parameter<B>& gate = my.layer.gates[s];
    const variable<B> z = matmul(x, at.use(gate), op::transpose);
    const index_t behind = at.layer.experts - gate.rows();
    return behind > 0 ? concat_cols(at.constant(matrix<B>::filled(x.rows(), behind, 0)), z) : z;
  }
};

}  // namespace gmoe
