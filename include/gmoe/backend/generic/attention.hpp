#pragma once
/// Causal multi-head attention by whole matrices: the scores of all heads of all sequences are kept at once, one S x S
/// matrix below the other.

#include <cmath>
#include <limits>

#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct attention_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// P = softmax(Q K' / sqrt(head)) with minus infinity above the diagonal, y = dropout(P) V.
  static void attention(out y, out lse, in qkv, const attention_shape& shape, random_stream random) {
    matrix<B> p = scores(qkv, shape), sums(p.rows(), 1);
    B::log_sum_exp_rows(sums.view(), p.view());
    B::map_with_col(p.view(), S(0), fn::exp_of_difference{}, p.view(), sums.view());
    if (shape.dropout > 0) B::dropout(p.view(), S(0), p.view(), random, shape.dropout);
    each_head(qkv, shape, [&](const head<in>& x) {
      B::map(x.column_of(lse), S(0), fn::same{}, x.square(sums.view()));
      B::gemm(op::none, op::none, S(1), x.square(p.view()), x.v, S(0), x.part_of(y));
    });
  }

  ///     P = exp(Q K' / sqrt(head) - lse)    dP = dropout(dy V')    dS = P (dP - rowsum(dP P))
  ///     dV = dropout(P)' dy    dK = dS' Q / sqrt(head)    dQ = dS K / sqrt(head)
  static void attention_backward(out dqkv, in dy, in, in lse, in qkv, const attention_shape& shape,
                                 random_stream random) {
    matrix<B> p = scores(qkv, shape), dp(p.rows(), p.cols()), dropped;
    each_head(qkv, shape, [&](const head<in>& x) {
      B::map_with_col(x.square(p.view()), S(0), fn::exp_of_difference{}, x.square(p.view()), x.column_of(lse));
      B::gemm(op::none, op::transpose, S(1), x.part_of(dy), x.v, S(0), x.square(dp.view()));
    });
    if (shape.dropout > 0) {
      dropped = matrix<B>(p.rows(), p.cols());
      B::dropout(dropped.view(), S(0), p.view(), random, shape.dropout);
      B::dropout(dp.view(), S(0), dp.view(), random, shape.dropout);
    }
    const in weights = shape.dropout > 0 ? dropped.view() : p.view();
    // Slopes of keys and values that several heads share add up.
    const auto before = [&](const head<in>& x) { return x.number % shape.sharing == 0 ? S(0) : S(1); };
    each_head(qkv, shape, [&](const head<in>& x) {
      B::gemm(op::transpose, op::none, S(1), x.square(weights), x.part_of(dy), before(x),
              head<out>(dqkv, x.task, shape).v);
    });
    B::softmax_rows_backward(dp.view(), S(0), dp.view(), p.view());
    each_head(qkv, shape, [&](const head<in>& x) {
      const head<out> dx(dqkv, x.task, shape);
      B::gemm(op::none, op::none, x.scale(), x.square(dp.view()), x.k, S(0), dx.q);
      B::gemm(op::transpose, op::none, x.scale(), x.square(dp.view()), x.q, before(x), dx.k);
    });
  }

  static void attention_cached(out y, out k_cache, out v_cache, in qkv, index_t past, index_t heads) {
    const index_t d = y.cols, width = d / heads, fresh = y.rows, keys = past + fresh, shared = k_cache.cols;
    B::map(k_cache.row_block(past, fresh), S(0), fn::same{}, qkv.col_block(d, shared));
    B::map(v_cache.row_block(past, fresh), S(0), fn::same{}, qkv.col_block(d + shared, shared));
    matrix<B> p(fresh, keys);
    for (index_t h = 0; h < heads; ++h) {
      const auto of_head = [&](auto m) { return m.col_block(h * width, width); };
      const auto shared_by = [&](auto m) { return m.row_block(0, keys).col_block(h * shared / d * width, width); };
      B::gemm(op::none, op::transpose, scale_of(width), of_head(qkv), shared_by(k_cache), S(0), p.view());
      for (index_t i = 0; i + 1 < fresh; ++i)
        B::fill(p.view().row_block(i, 1).col_block(past + i + 1, fresh - i - 1), minus_infinity);
      B::softmax_rows(p.view(), p.view());
      B::gemm(op::none, op::none, S(1), p.view(), shared_by(v_cache), S(0), of_head(y));
    }
  }

 private:
  static constexpr S minus_infinity = -std::numeric_limits<S>::infinity();
  static S scale_of(index_t width) { return static_cast<S>(1.0 / std::sqrt(static_cast<double>(width))); }

  /// The rows and columns of one head of one sequence.
  template <class View>
  struct head {
    head(View qkv, index_t task_, const attention_shape& s)
        : task(task_), number(task_ % s.heads), first(task_ / s.heads * s.sequence), length(s.sequence) {
      const index_t shared = number / s.sharing;
      width = qkv.cols / (s.heads + 2 * s.key_heads());
      const View rows = qkv.row_block(first, length);
      q = rows.col_block(number * width, width);
      k = rows.col_block((s.heads + shared) * width, width);
      v = rows.col_block((s.heads + s.key_heads() + shared) * width, width);
    }

    auto square(auto scores) const { return scores.row_block(task * length, length); }
    auto part_of(auto y) const { return y.row_block(first, length).col_block(number * width, width); }
    auto column_of(auto lse) const { return lse.row_block(first, length).col_block(number, 1); }
    S scale() const { return scale_of(width); }

    index_t task, number, first, length, width;
    View q, k, v;
  };
  template <class F>
  static void each_head(in qkv, const attention_shape& shape, const F& f) {
    for (index_t task = 0; task < shape.batch * shape.heads; ++task) f(head<in>(qkv, task, shape));
  }

  /// Q K' / sqrt(head) of all heads, minus infinity where the key is behind the query.
  static matrix<B, S> scores(in qkv, const attention_shape& shape) {
    const index_t length = shape.sequence, heads = shape.batch * shape.heads;
    matrix<B> p(heads * length, length);
    each_head(qkv, shape, [&](const head<in>& x) {
      B::gemm(op::none, op::transpose, x.scale(), x.q, x.k, S(0), x.square(p.view()));
    });
    for (index_t i = 0; i + 1 < length; ++i)  // row i of every head
      B::fill(out{p.view().row(i) + i + 1, heads, length - i - 1, length * length}, minus_infinity);
    return p;
  }
};

}  // namespace gmoe::generic
