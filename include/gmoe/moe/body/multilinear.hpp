#pragma once
/// Experts that are slices of one factorised tensor, all of them active (Multilinear mixture of experts, Oldfield et
/// al. 2024).

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/expert_groups.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// With a, T x N, the weights of all experts of the layer, 0 for those that a token has not:
///     layer(x) = O' ((a U) * (V x + b))           rank R: U N x R, V R x d, O R x m
///     y = layer_2(gelu(layer_1(x)))               both with the same a
///
/// Expert n alone would be O' diag(U_n) (V x + b). Pairs are never gathered: the cost is that of the factors.
struct multilinear_experts {
  using slot = slots::body;
  index_t rank = 32;
  static constexpr auto fields = std::tuple{
      field{"rank", &multilinear_experts::rank, "R: terms that both layers' tensors are sums of", at_least(1)}};

  /// One of the two layers, of all mixtures of the model one below the other.
  template <class B>
  struct factors {
    parameter<B> experts;  ///< U: a row for every expert of the pool
    parameter<B> in;       ///< V: R rows for every layer
    parameter<B> bias;     ///< b: a row of R numbers for every layer
    parameter<B> out;      ///< O: R rows for every layer
  };
  template <class B>
  struct weights {
    factors<B> first, second;
    expert_groups groups;  ///< the experts of a layer are one

    /// Numbers that a token multiplies with: factors of the layer, and rows of the experts with a weight.
    double met_by(double asked, const std::vector<id_type>&) const {
      const auto of = [&](const factors<B>& f) {
        const auto r = static_cast<double>(f.experts.cols());
        return r * (asked + static_cast<double>(f.in.cols() + f.out.cols()));
      };
      return of(first) + of(second);
    }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    const expert_groups groups(pool, 0, "body");
    const index_t width = pool.widths.front();
    require(std::all_of(pool.widths.begin(), pool.widths.end(), [&](index_t w) { return w == width; }),
            "multilinear_experts are slices of one tensor, but the pool has experts of different widths");
    const auto layer = [&](const char* name, index_t in, index_t out) {
      const builder<B> own = make.scope(name);
      const auto uniform = [&](const char* factor, index_t rows, index_t cols, index_t inputs) {
        return own.uniform(factor, rows, cols, 1 / std::sqrt(static_cast<double>(inputs)));
      };
      return factors<B>{own.normal("experts", pool.experts(), rank, 1, 1),
                        uniform("in", groups.count() * rank, in, in + 1), uniform("bias", groups.count(), rank, in + 1),
                        uniform("out", groups.count() * rank, out, rank)};
    };
    return {layer("first", pool.d_model, width), layer("second", width, pool.d_model), groups};
  }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const std::vector<id_type>& visible = *r.visible;
    const index_t layer = w.groups.only(visible, r.block, "multilinear_experts");
    const variable<B> each =
        r.weights ? r.weights : at.constant(matrix<B>::filled(r.kept.rows(), r.kept.cols(), typename B::scalar(1)));
    const variable<B> a = scatter_elements(each, r.kept, r.experts);
    const auto apply_layer = [&](const factors<B>& f, const variable<B>& input) {
      const variable<B> of_experts = matmul(a, rows_of(at.use(f.experts), visible.front(), r.experts));
      const variable<B> in = matmul(input, rows_of(at.use(f.in), layer * rank, rank), op::transpose);
      const variable<B> terms = multiply(of_experts, add_row(in, rows_of(at.use(f.bias), layer, 1)));
      return matmul(terms, rows_of(at.use(f.out), layer * rank, rank));
    };
    return apply_layer(w.second, gelu(apply_layer(w.first, x)));
  }
};

}  // namespace gmoe
