#pragma once
/// Dropout where a pass has it.

#include <string_view>

#include "gmoe/nn/context.hpp"
#include "gmoe/ops/dropout.hpp"

namespace gmoe::nn {

/// The factors of dropout, 0 or 1 / (1 - probability), for an observer that wants to know what was drawn.
template <class B>
void show_mask(const context<B>& ctx, std::string_view what, index_t rows, index_t cols, double probability,
               const random_stream& random) {
  if (!ctx.observer || probability <= 0) return;
  matrix<B> mask(rows, cols);
  B::dropout(mask.view(), 0, matrix<B>::filled(rows, cols, typename B::scalar(1)).view(), random, probability);
  ctx.observer->see_draw(what, ctx.block, mask);
}

/// In training x with dropout from the stream of `site`, else x. `what` is the mask's name in traces.
template <class B>
variable<B> dropout(const context<B>& ctx, const variable<B>& x, double probability, random_site site,
                    std::string_view what) {
  if (!ctx.training) return x;
  const random_stream random = ctx.stream(site, x.size());
  show_mask(ctx, what, x.rows(), x.cols(), probability, random);
  return gmoe::dropout(x, probability, random);
}

}  // namespace gmoe::nn
