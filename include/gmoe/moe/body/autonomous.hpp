#pragma once
/// Experts whose gate is of low rank, so that its first factor can say who is asked (Autonomy of Experts, Lv et al.
/// 2025).

#include <numeric>
#include <vector>

#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/router/activation_router.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/block_layout.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/pairs.hpp"

namespace gmoe {

/// E_i(x) = W_out,i' (silu(W_up,i W_down,i x) * (W_in,i x)), W_down,i with r = d / Part rows. W_down is the layer's, of
/// activation_router<Part>: layers have pools of their own.
template <index_t Part = 4>
struct autonomous_expert {
  using slot = slots::body;
  static constexpr index_t part_of_gate = Part;

  template <class B>
  struct weights {
    expert_units<B> units;
    expert_units<B> ranks;         ///< of rows of W_down: the same for all
    std::vector<id_type> numbers;  ///< 0, 1, ...: a layer's W_down has its experts alone
    parameter<B> w_up;             ///< units x r
    parameter<B> w_in, w_out;      ///< units x d
    index_t size(index_t e) const { return units.of(e) * (w_up.cols() + 2 * w_in.cols()); }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    expert_units<B> units(pool.widths);
    const index_t rank = rank_of_gate(pool.d_model, Part);
    std::vector<id_type> numbers(pool.widths.size());
    std::iota(numbers.begin(), numbers.end(), id_type{0});
    return {units,
            expert_units<B>(std::vector<index_t>(pool.widths.size(), rank)),
            numbers,
            make.normal("w_up", units.total(), rank, pool.initializer_range),
            make.normal("w_in", units.total(), pool.d_model, pool.initializer_range),
            make.normal("w_out", units.total(), pool.d_model, pool.initializer_range)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const variable<B>& w_down = r.noted("w_down");
    const pair_groups<B> pairs(r.pairs);
    const auto& w = my.weights;
    expert_layout<B> first = w.ranks.layout(w.numbers);
    first.experts = r.experts;
    const block_layout blocks = w.units.layout(r.visible), down = first;
    const variable<B> rows = gather_pairs(x, pairs);
    // Once more for the chosen ones: k / N of what the router has computed, and no T x N r numbers to gather from.
    const variable<B> latent = grouped_matmul(rows, w_down, down, pairs, op::transpose);
    const variable<B> gate = silu(grouped_matmul(latent, at.use(w.w_up), blocks, pairs, op::transpose));
    const variable<B> h = multiply(gate, grouped_matmul(rows, at.use(w.w_in), blocks, pairs, op::transpose));
    return combine_pairs(grouped_matmul(h, at.use(w.w_out), blocks, pairs), r.weights, pairs);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    constexpr bool fits = [] {
      if constexpr (requires { answer<Card, slots::router>::part; })
        return answer<Card, slots::router>::part == Part;
      else
        return false;
    }();
    static_assert(fits,
                  "gmoe: autonomous_expert<Part> goes on from what activation_router<Part> has made, of the same Part");
    return true;
  }
};

}  // namespace gmoe
