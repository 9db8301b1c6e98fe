#pragma once
/// Experts that only adapt a dense layer which stands still: vectors (MoV) or products of low rank (MoLoRA), both of
/// Zadouri et al. 2023.

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/expert_groups.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

namespace detail {

/// W2 act(W1 x) of every layer, which all of the layer's experts adapt.
template <class B>
struct adapted_base {
  parameter<B> in, out;  ///< W1 and W2': m rows of d numbers for every layer, layer after layer
};

/// What a layer takes for a pass from what all layers have.
template <class B>
struct adapters_at {
  variable<B> in, out;  ///< W1 and W2' of the layer: m x d
  variable<B> weights;  ///< s: T x N, 0 for experts that a token has not
  index_t first;        ///< the layer's first expert in the pool
};

inline index_t adapted_width(const std::vector<index_t>& widths, const char* what) {
  for (const index_t w : widths)
    require(w == widths.front(), what, " adapt one layer, but the pool has experts of ", widths.front(), " and ", w,
            " hidden units");
  return widths.front();
}

template <class B>
adapted_base<B> make_adapted_base(const builder<B>& make, const pool_shape& pool, index_t layers) {
  const index_t rows = layers * pool.widths.front();
  return {make.scope("in").normal("base", rows, pool.d_model, pool.initializer_range),
          make.scope("out").normal("base", rows, pool.d_model, pool.initializer_range)};
}

template <class B>
adapters_at<B> adapters_of(const place<B>& at, const routing<B>& r, const expert_groups& groups,
                           const adapted_base<B>& base, const char* what) {
  const index_t layer = groups.only(*r.visible, r.block, what), width = base.in.rows() / groups.count();
  const variable<B> each =
      r.weights ? r.weights : at.constant(matrix<B>::filled(r.kept.rows(), r.kept.cols(), typename B::scalar(1)));
  return {rows_of(at.use(base.in), layer * width, width), rows_of(at.use(base.out), layer * width, width),
          scatter_elements(each, r.kept, r.experts), r.visible->front()};
}

}  // namespace detail

/// Mixture of vectors: y = W2 ((sum_e s_e l_e) * act(W1 x)), for W1 and W2 of the layer and a vector l_e of every
/// expert.
template <class Activation>
struct vectors_on_base {
  using slot = slots::body;
  index_t from = 0;
  static constexpr auto fields = std::tuple{field{
      "from", &vectors_on_base::from, "optimiser step from which on the base stands still; -1: none", at_least(-1)}};

  template <class B>
  struct weights {
    detail::adapted_base<B> base;
    parameter<B> vectors;  ///< l: experts of the pool x m
    expert_groups groups;  ///< the experts of a layer are one

    /// Numbers that a token multiplies with: the base, and the vectors that it asks for.
    double met_by(double asked, const std::vector<id_type>&) const {
      return static_cast<double>(vectors.cols()) * (2 * static_cast<double>(base.in.cols()) + asked);
    }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    const index_t width = detail::adapted_width(pool.widths, "vectors_on_base");
    const expert_groups groups(pool, 0, "body");
    return {detail::make_adapted_base(make, pool, groups.count()), make.constant("vectors", pool.experts(), width, 1),
            groups};
  }
  bool trains(std::int64_t step) const { return from < 0 || step < static_cast<std::int64_t>(from); }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const auto layer = detail::adapters_of(at, r, w.groups, w.base, "vectors_on_base");
    const variable<B> l = matmul(layer.weights, rows_of(at.use(w.vectors), layer.first, r.experts));
    return matmul(multiply(l, apply(Activation{}, matmul(x, layer.in, op::transpose))), layer.out);
  }
};

/// Mixture of LoRA: both matrices of y = W2 act(W1 x) become W x + sum_e s_e B_e A_e x, with A_e and B_e of rank r.
template <class Activation>
struct low_rank_on_base {
  using slot = slots::body;
  index_t rank = 4;
  index_t from = 0;
  static constexpr auto fields =
      std::tuple{field{"rank", &low_rank_on_base::rank, "r: rows of an A, columns of a B", at_least(1)},
                 field{"from", &low_rank_on_base::from, "optimiser step from which on the base stands still; -1: none",
                       at_least(-1)}};

  /// Of one of the two matrices: r rows for every expert of the pool.
  template <class B>
  struct adapter {
    parameter<B> a, b;  ///< A: as wide as the input, and B': as wide as the output
  };
  template <class B>
  struct weights {
    detail::adapted_base<B> base;
    adapter<B> in, out;
    index_t rank;
    expert_groups groups;  ///< the experts of a layer are one

    /// Numbers that a token multiplies with: the base, and the adapters that it asks for.
    double met_by(double asked, const std::vector<id_type>&) const {
      const auto d = static_cast<double>(in.a.cols()), m = static_cast<double>(in.b.cols());
      return 2 * d * m + asked * 2 * static_cast<double>(rank) * (d + m);
    }
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    const index_t width = detail::adapted_width(pool.widths, "low_rank_on_base");
    const expert_groups groups(pool, 0, "body");
    const auto both = [&](const char* name, index_t in, index_t out) {
      const builder<B> own = make.scope(name);
      const index_t rows = pool.experts() * rank;
      return adapter<B>{own.uniform("a", rows, in, 1 / std::sqrt(static_cast<double>(in))),
                        own.constant("b", rows, out, 0)};
    };
    return {detail::make_adapted_base(make, pool, groups.count()), both("in", pool.d_model, width),
            both("out", width, pool.d_model), rank, groups};
  }
  bool trains(std::int64_t step) const { return from < 0 || step < static_cast<std::int64_t>(from); }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const weights<B>& w = my.weights;
    const auto layer = detail::adapters_of(at, r, w.groups, w.base, "low_rank_on_base");
    const variable<B> s = group_repeat(layer.weights, rank);  // of every row of the A
    const auto adapt = [&](const adapter<B>& f, const variable<B>& input) {
      const auto mine = [&](const parameter<B>& p) { return rows_of(at.use(p), layer.first * rank, r.experts * rank); };
      return matmul(multiply(s, matmul(input, mine(f.a), op::transpose)), mine(f.b));
    };
    const variable<B> h = apply(Activation{}, add(matmul(x, layer.in, op::transpose), adapt(w.in, x)));
    return add(matmul(h, layer.out), adapt(w.out, h));
  }
};

}  // namespace gmoe
