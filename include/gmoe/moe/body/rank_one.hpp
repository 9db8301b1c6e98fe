#pragma once
/// Experts of one direction to read and one to write (Dynamic Subspace Composition, Khasia 2025).

#include <cstddef>
#include <memory>
#include <numeric>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/expert_groups.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/block_layout.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/pairs.hpp"
#include "gmoe/ops/reduce.hpp"

namespace gmoe {

/// y = gamma * sum over the pairs of w_e <u_e, x> v_e, with rows u_e and v_e of length one and a gamma of the layer.
///
/// In training "orthogonality" is a loss, the mean over the layers of strength times the squared cosines between the
/// layer's u, and between its v. How many hidden units the pool gives an expert makes no difference: it has one.
struct rank_one_experts {
  using slot = slots::body;
  double strength = 1e-3;
  double gain = 0.1;
  static constexpr auto fields =
      std::tuple{field{"strength", &rank_one_experts::strength, "coefficient of squared cosines", at_least(0)},
                 field{"gain", &rank_one_experts::gain, "what gamma begins with"}};

  /// Of the layers, one after the other.
  template <class B>
  struct weights {
    std::vector<parameter<B>> read, write;  ///< U and V: N x d
    std::vector<parameter<B>> gain;         ///< gamma: 1 x d
    expert_groups groups;                   ///< the experts of a layer are one
    expert_units<B> units;                  ///< of the experts of a layer: one each
    expert_list numbers;                    ///< 0, 1, ...: the layer's matrices have its experts alone

    index_t size(index_t) const { return 2 * read.front().cols(); }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    const expert_groups groups(pool, 0, "body");
    std::vector<id_type> numbers(static_cast<std::size_t>(groups.size()));
    std::iota(numbers.begin(), numbers.end(), id_type{0});
    weights<B> all{{},
                   {},
                   {},
                   groups,
                   expert_units<B>(std::vector<index_t>(numbers.size(), 1)),
                   std::make_shared<const std::vector<id_type>>(numbers)};
    for (index_t g = 0; g < groups.count(); ++g) {
      const builder<B> layer = make.scope("layer", g);
      all.read.push_back(layer.orthogonal("read", groups.size(), pool.d_model, 0.02));
      all.write.push_back(layer.orthogonal("write", groups.size(), pool.d_model, 0.02));
      all.gain.push_back(layer.constant("gain", 1, pool.d_model, gain));
    }
    return all;
  }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const auto layer = static_cast<std::size_t>(w.groups.only(*r.visible, r.block, "rank_one_experts"));
    const variable<B> u = normalize_lengths(at.use(w.read[layer])), v = normalize_lengths(at.use(w.write[layer]));
    if (at.training && strength > 0)
      at.add_loss("orthogonality",
                  scale(add(overlap(u), overlap(v)), strength / static_cast<double>(at.layer.moe_layers)));
    const pair_groups<B> pairs(r.pairs);
    const block_layout rows(w.units.layout(w.numbers));
    const variable<B> along = grouped_matmul(gather_pairs(x, pairs), u, rows, pairs, op::transpose);
    return multiply_row(combine_pairs(grouped_matmul(along, v, rows, pairs), r.weights, pairs), at.use(w.gain[layer]));
  }

 private:
  /// sum over i != j of <u_i, u_j>^2
  template <class B>
  static variable<B> overlap(const variable<B>& u) {
    return subtract(sum(square(matmul(u, u, op::transpose))), sum(square(row_sums(square(u)))));
  }
};

}  // namespace gmoe
