#pragma once
/// Keys near the tokens that choose them, and far from those of others (after ProMoE, 2025).

#include <vector>
#include "gmoe/moe/balance/switch_loss.hpp"

#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// With m_i the mean of x over the tokens that chose expert i, over the experts that somebody chose:
///
///     -(weight / N) sum_i log( exp(cos(key_i, m_i) / temperature) / sum_j exp(cos(key_i, m_j) / temperature) )
///
/// for each layer. Both keys and x learn from it. Reads "keys" of keyed_router and the router's input.
struct prototype_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "prototype";
  static constexpr bool reads_input = true;
  double weight = 0.01;
  double temperature = 0.1;
  static constexpr auto fields =
      std::tuple{field{"weight", &prototype_loss::weight, "coefficient of the loss on keys", at_least(0)},
                 field{"temperature", &prototype_loss::temperature, "by which cosines are divided", above(0)}};

  template <class B>
  struct layer {
    matrix<B> unit;  ///< N x N, I
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    const auto n = static_cast<std::size_t>(l.experts);
    std::vector<typename B::scalar> unit(n * n, 0);
    for (std::size_t i = 0; i < n; ++i) unit[i * n + i] = 1;
    return {matrix<B>::from_host(unit, l.experts, l.experts)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    const index_t n = r.experts;
    const variable<B> ones = at.constant(matrix<B>::filled(r.chosen.rows(), r.chosen.cols(), typename B::scalar(1)));
    const variable<B> took = scatter_elements(ones, r.chosen, n);
    const variable<B> asked = clamp(col_sums(took), 0, 1);  // 1 x N: somebody chose it
    // A mean and a sum have one direction.
    const variable<B> m = normalize_lengths(matmul(transpose(took), r.input));
    const variable<B> cosines = matmul(normalize_lengths(r.noted("keys")), m, op::transpose);
    const variable<B> others = add_row(scale(cosines, 1 / temperature), scale(subtract(asked, ones_of(at, n)), far));
    const variable<B> own = row_sums(multiply(log_softmax_rows(others), at.constant(my.layer.unit)));
    return scale(dot(own, reshape(asked, n, 1)), -weight / static_cast<double>(n));
  }

 private:
  static constexpr double far = 1e6;  // what nobody chose is no alternative
  template <class B>
  static variable<B> ones_of(const place<B>& at, index_t n) {
    return at.constant(matrix<B>::filled(1, n, typename B::scalar(1)));
  }
};

}  // namespace gmoe
