#pragma once
/// Causal multi-head attention by blocks of query rows: the masked half is never computed, probabilities are
/// never kept (the backward pass recomputes them from each row's log-sum-exp).

#include <cmath>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/eigen/gemm.hpp"
#include "gmoe/backend/eigen/random.hpp"
#include "gmoe/backend/eigen/reduce.hpp"
#include "gmoe/backend/eigen/softmax.hpp"

namespace gmoe::eigen {

template <class S, class Products = full_precision>
struct attention_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  static constexpr index_t block = 64;  ///< query rows whose score strip stays in cache

  /// y = softmax(Q K' / sqrt(head) + causal mask) V per batch entry and head; qkv is T x 3d, columns [Q | K | V].
  /// `lse` (T x heads) keeps each row's log-sum-exp.
  static void attention(out y, out lse, in qkv, const attention_shape& shape, random_stream random) {
    const index_t d = y.cols, head = d / shape.heads, length = shape.sequence;
    parallel_tasks(shape.batch * shape.heads, [&](index_t task) {
      const index_t first = task / shape.heads * length, h = task % shape.heads;
      const in rows = qkv.row_block(first, length);
      const in k = rows.col_block(d + h * head, head), v = rows.col_block(2 * d + h * head, head);
      const auto strip = scratch<S>(std::min(block, length) * length);
      for (index_t q0 = 0; q0 < length; q0 += block) {
        const index_t count = std::min(block, length - q0), keys = q0 + count;
        const out p{strip, count, keys, keys};
        scores(p, rows.row_block(q0, count).col_block(h * head, head), k);
        S sums[block];
        exp_causal(p, q0, sums, [&](index_t i, S value) { lse(first + q0 + i, h) = value; });
        if (shape.dropout > 0) drop(p, p, random, task, q0, shape);
        weigh(y.row_block(first + q0, count).col_block(h * head, head), p, v.row_block(0, keys), sums);
      }
    });
  }

  /// dqkv (not read) from dy, the output y and what forward kept.
  ///     dV = P' dy   dP = dy V'   dS = P (dP - rowsum(dy y)) / sqrt(head)   dQ = dS K   dK = dS' Q
  static void attention_backward(out dqkv, in dy, in y, in lse, in qkv, const attention_shape& shape,
                                 random_stream random) {
    const index_t d = y.cols, head = d / shape.heads, length = shape.sequence;
    parallel_tasks(shape.batch * shape.heads, [&](index_t task) {
      const index_t first = task / shape.heads * length, h = task % shape.heads;
      const in rows = qkv.row_block(first, length);
      const in q = rows.col_block(h * head, head), k = rows.col_block(d + h * head, head),
               v = rows.col_block(2 * d + h * head, head);
      const out d_rows = dqkv.row_block(first, length);
      const out dq = d_rows.col_block(h * head, head), dk = d_rows.col_block(d + h * head, head),
                dv = d_rows.col_block(2 * d + h * head, head);
      const index_t largest_strip = std::min(block, length) * length;
      const auto strip_p = scratch<S>(largest_strip), strip_dp = scratch<S>(largest_strip);
      const auto strip_dropped = scratch<S>(shape.dropout > 0 ? largest_strip : 0);
      // The last block sees every key, so it writes all of dK and dV; the earlier ones add.
      for (index_t q0 = (length - 1) / block * block; q0 >= 0; q0 -= block) {
        const index_t count = std::min(block, length - q0), keys = q0 + count;
        const S beta = keys == length ? S(0) : S(1);
        const out p{strip_p, count, keys, keys}, dp{strip_dp, count, keys, keys};
        const in dy_rows = dy.row_block(first + q0, count).col_block(h * head, head);
        const in y_rows = y.row_block(first + q0, count).col_block(h * head, head);
        scores(p, q.row_block(q0, count), k);
        for (index_t i = 0; i < count; ++i) {
          exp_and_sum(p.row(i), p.row(i), q0 + i + 1, S(1), lse(first + q0 + i, h));
          std::fill(p.row(i) + q0 + i + 1, p.row(i) + keys, S(0));
        }
        in dropped = p;
        if (shape.dropout > 0) {
          const out masked{strip_dropped, count, keys, keys};
          drop(masked, p, random, task, q0, shape);
          dropped = masked;
        }
        gemm_kernels<S, Products>::piece(op::transpose, op::none, S(1), dropped, dy_rows, beta, dv.row_block(0, keys));
        gemm_kernels<S, Products>::piece(op::none, op::transpose, S(1), dy_rows, v.row_block(0, keys), S(0), dp);
        if (shape.dropout > 0) drop(dp, dp, random, task, q0, shape);
        for (index_t i = 0; i < count; ++i) {
          const S *dyi = dy_rows.row(i), *yi = y_rows.row(i);
          const pack<S> dot(
              sum_packs<S>(head, [&](index_t j, index_t part) { return load(dyi + j, part) * load(yi + j, part); }));
          const pack<S> factor(scale(head));
          for_packs<S>(keys, [&](index_t j, index_t part) {
            store(dp.row(i) + j, fn::softmax_slope{}(load(p.row(i) + j, part), load(dp.row(i) + j, part), dot) * factor,
                  part);
          });
        }
        gemm_kernels<S, Products>::piece(op::none, op::none, S(1), dp, k.row_block(0, keys), S(0),
                                         dq.row_block(q0, count));
        gemm_kernels<S, Products>::piece(op::transpose, op::none, S(1), dp, q.row_block(q0, count), beta,
                                         dk.row_block(0, keys));
      }
    });
  }

  /// One sequence continued: the rows of qkv stand at positions past, past + 1, ...; their keys and values are put
  /// into the caches (positions x d), and each row attends to everything up to itself.
  static void attention_cached(out y, out k_cache, out v_cache, in qkv, index_t past, index_t heads) {
    const index_t d = y.cols, head = d / heads, fresh = y.rows;
    for (index_t i = 0; i < fresh; ++i) {
      std::copy_n(qkv.row(i) + d, d, k_cache.row(past + i));
      std::copy_n(qkv.row(i) + 2 * d, d, v_cache.row(past + i));
    }
    const auto one_head = [&](index_t h) {
      const auto strip = scratch<S>(std::min(block, fresh) * (past + fresh));
      for (index_t q0 = 0; q0 < fresh; q0 += block) {
        const index_t count = std::min(block, fresh - q0), keys = past + q0 + count;
        const out p{strip, count, keys, keys};
        scores(p, qkv.row_block(q0, count).col_block(h * head, head), in(k_cache).col_block(h * head, head));
        S sums[block];
        exp_causal(p, past + q0, sums, [](index_t, S) {});
        weigh(y.row_block(q0, count).col_block(h * head, head), p,
              in(v_cache).col_block(h * head, head).row_block(0, keys), sums);
      }
    };
    if (fresh < 16)  // a single token: too little work to wake a second thread
      for (index_t h = 0; h < heads; ++h) one_head(h);
    else
      parallel_tasks(heads, one_head);
  }

 private:
  static S scale(index_t head) { return static_cast<S>(1.0 / std::sqrt(static_cast<double>(head))); }

  /// p = q k' / sqrt(head) against the first p.cols keys.
  static void scores(out p, in q, in k) {
    gemm_kernels<S, Products>::piece(op::none, op::transpose, scale(q.cols), q, k.row_block(0, p.cols), S(0), p);
  }

  /// Row i becomes exp(row - its largest) over its first q0 + i + 1 columns, zero beyond, and sums[i] its sum; `keep`
  /// gets each row's log-sum-exp.
  template <class Keep>
  static void exp_causal(out p, index_t q0, S* sums, const Keep& keep) {
    for (index_t i = 0; i < p.rows; ++i) {
      const index_t seen = q0 + i + 1;
      const S top = largest(p.row(i), seen);
      sums[i] = exp_and_sum(p.row(i), p.row(i), seen, S(1), top);
      std::fill(p.row(i) + seen, p.row(i) + p.cols, S(0));
      keep(i, top + std::log(sums[i]));
    }
  }

  /// y = p v, each row divided by its sum: y is narrower than p.
  static void weigh(out y, in p, in v, const S* sums) {
    gemm_kernels<S, Products>::piece(op::none, op::none, S(1), p, v, S(0), y);
    for (index_t i = 0; i < y.rows; ++i) scale_span(y.row(i), y.cols, S(1) / sums[i]);
  }

  /// to = from * dropout mask; element (i, j) of a head's S x S matrix has its own draw.
  static void drop(out to, in from, const random_stream& random, index_t task, index_t q0,
                   const attention_shape& shape) {
    const auto mask = scratch<S>(to.cols);
    for (index_t i = 0; i < to.rows; ++i) {
      const index_t element = (task * shape.sequence + q0 + i) * shape.sequence;
      fill_dropout_mask(mask.data(), to.cols, random, static_cast<std::uint64_t>(element), shape.dropout);
      for (index_t j = 0; j < to.cols; ++j) to(i, j) = from(i, j) * mask[j];
    }
  }
};

}  // namespace gmoe::eigen
