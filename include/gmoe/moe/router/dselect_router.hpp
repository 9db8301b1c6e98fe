#pragma once
/// DSelect-k's gate (Hazimeh et al., NeurIPS 2021): k selectors, each of which spells the number of an expert in bits.
///
///     a_jb = u_jb x + c_jb                        bit b of selector j
///     v_je = product over the bits b of S(a_jb) if bit b of e is 1, else 1 - S(a_jb)
///     o    = softmax(q x + f)                     how much each selector says
///     w_e  = sum_j o_j v_je
///
/// S is a smooth step, exactly 0 and 1 outside of a width: at most k weights are left when all bits are sure. Where v
/// is 0 its gradient is, too, so that experts of weight 0 need not be computed.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/outer_rows.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/softmax.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// Its logits are the weights w, T x N. In training its losses are, each a mean over tokens and layers,
///
///     selector_entropy = entropy sum_j H(v_j)                    which makes selectors sure
///     selector_reach   = reach sum_j 1 / sum over e < N of v_je  if N is no power of two: they should spell experts
struct dselect_router {
  using slot = slots::router;
  static constexpr bool makes_scores = true;
  index_t selectors = 2;  ///< k
  double softness = 1;
  double entropy = 1e-2;
  double reach = 1e-3;
  static constexpr auto fields = std::tuple{
      field{"selectors", &dselect_router::selectors, "each of which ends at one expert", at_least(1)},
      field{"softness", &dselect_router::softness, "of a bit's smooth step, beyond which it is sure", above(0)},
      field{"entropy", &dselect_router::entropy, "weight of the selectors' entropy in the loss", at_least(0)},
      field{"reach", &dselect_router::reach, "weight of what selectors spell beyond the experts", at_least(0)}};

  /// Of selectors that are sure.
  double experts_per_token(const layer_shape& l) const { return static_cast<double>(std::min(selectors, l.experts)); }

  /// A row for every bit, the lowest first, selector after selector.
  template <class B>
  struct layer {
    parameter<B> bits, bit_bias;            ///< u: k nb x d, c: 1 x k nb
    parameter<B> selectors, selector_bias;  ///< q: k x d, f: 1 x k
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    const index_t rows = selectors * bits_of(l.experts);
    return {make.uniform("bits", rows, l.d_model, softness / 100), make.uniform("bit_bias", 1, rows, softness / 100),
            make.uniform("selectors", selectors, l.d_model, 0.05), make.uniform("selector_bias", 1, selectors, 0.05)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const index_t n = at.layer.experts, bits = bits_of(n), rows = x.rows() * selectors;
    const variable<B> o =
        softmax_rows(add_row(matmul(x, at.use(my.layer.selectors), op::transpose), at.use(my.layer.selector_bias)));
    variable<B> v = at.constant(matrix<B>::filled(rows, 1, typename B::scalar(1)));
    if (bits > 0) {
      const variable<B> a =
          reshape(add_row(matmul(x, at.use(my.layer.bits), op::transpose), at.use(my.layer.bit_bias)), rows, bits);
      for (index_t b = bits; b-- > 0;) {  // the highest first: the number grows at its end
        const variable<B> seen = columns_of(a, b, 1);
        v = outer_rows(v, concat_cols(smooth_step(scale(seen, -1), softness), smooth_step(seen, softness)));
      }
      if (v.cols() > n) v = columns_of(v, 0, n);
    }
    if (at.training && bits > 0) add_losses(at, v, (index_t(1) << bits) > n);
    const variable<B> each = reshape(multiply_col(v, reshape(o, rows, 1)), x.rows(), selectors * n);
    variable<B> w = columns_of(each, 0, n);
    for (index_t j = 1; j < selectors; ++j) w = add(w, columns_of(each, j * n, n));
    return w;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logits_for_scores<Card>,
                  "gmoe: dselect_router makes weights, which are scores as they are: the card takes plain_score");
    static_assert(has_logit_per_expert<Card>,
                  "gmoe: dselect_router makes one weight per expert, but the card's score asks for other columns");
    return true;
  }

 private:
  /// Enough for the numbers 0 ... n - 1.
  static index_t bits_of(index_t n) { return static_cast<index_t>(std::bit_width(static_cast<std::uint64_t>(n - 1))); }

  /// Of what each selector says of the experts, T k x N.
  template <class B>
  void add_losses(const place<B>& at, const variable<B>& v, bool spells_others) const {
    const auto mean = [&](const variable<B>& each, double weight) {  // T k x 1: the sum of a token, the mean over all
      return scale(sum(valid_means(reshape(each, v.rows() / selectors, selectors), at.valid)),
                   weight / static_cast<double>(at.layer.moe_layers));
    };
    if (entropy > 0) at.add_loss("selector_entropy", mean(row_sums(x_log_x(v)), -entropy));
    if (reach > 0 && spells_others)
      at.add_loss("selector_reach", mean(reciprocal(clamp(row_sums(v), least_reach, 2)), reach));
  }
  static constexpr double least_reach = 1e-3;  // of a selector that is sure of no expert; there is no slope to leave
};

}  // namespace gmoe
