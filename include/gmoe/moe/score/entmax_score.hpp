#pragma once
/// p = entmax(normalised z): dense weights with exact zeros (Oldfield et al. 2024).

#include <cmath>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/entmax.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/reduce.hpp"

namespace gmoe {

/// Entmax with alpha = 1.5 of a token's logits, brought to mean 0 and variance 1 before (layer norm without a gain and
/// a bias): so that how many experts a token has does not follow from the size of its logits.
struct entmax_score {
  using slot = slots::score;
  double epsilon = 1e-5;
  static constexpr auto fields =
      std::tuple{field{"epsilon", &entmax_score::epsilon, "added to the variance of a token's logits", above(0)}};

  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    require(r.mask.empty(), "block ", r.block, ": entmax_score weighs all experts, but the candidates leave some out");
    const auto n = static_cast<double>(r.logits.cols());
    const variable<B> centred = add_col(r.logits, scale(row_sums(r.logits), -1 / n));
    return entmax_rows(scale(normalize_lengths(centred, n * epsilon), std::sqrt(n)));
  }
};

}  // namespace gmoe
