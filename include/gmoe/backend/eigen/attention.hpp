#pragma once
/// Causal multi-head attention by blocks of queries: the masked half is never computed, probabilities are never kept
/// (the backward pass makes them again from each row's log-sum-exp), and a head's keys and values are brought into
/// order once.

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/eigen/block_product.hpp"
#include "gmoe/backend/eigen/gemm.hpp"
#include "gmoe/backend/eigen/random.hpp"
#include "gmoe/backend/eigen/reduce.hpp"
#include "gmoe/backend/eigen/softmax.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct attention_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  static constexpr index_t block = 64;  ///< queries, and keys, whose scores stay in cache

  /// y = softmax(Q K' / sqrt(head) + causal mask) V per batch entry and head; qkv has columns [Q | K | V].
  /// `lse` (T x heads) keeps each row's log-sum-exp.
  static void attention(out y, out lse, in qkv, const attention_shape& shape, random_stream random) {
    const index_t length = shape.sequence;
    parallel_tasks(shape.batch * shape.heads, [&](index_t task) {
      const head_of<in> x(qkv, shape, task);
      const index_t head = x.q.cols, wide = whole_packs<S>(head), ld = round_up(length) + pack<S>::width;
      const auto kt = scratch<S>(round_up(length) * head), v = scratch<S>(length * wide);
      const auto p = scratch<S>(block * ld), sums = scratch<S>(block), weighed = scratch<S>(block * wide);
      for (index_t k0 = 0; k0 < length; k0 += block) pack_transposed<S>(kt + k0 * head, block, rows_of(x.k, k0));
      pack_rows(v.data(), x.v);
      for (index_t q0 = 0; q0 < length; q0 += block) {
        const in q = rows_of(x.q, q0);
        const index_t keys = q0 + q.rows, first = x.first + q0;
        for (index_t k0 = 0; k0 < keys; k0 += block)
          block_product<S>::run(q.rows, block, head, {q.data, q.stride, 1}, kt + k0 * head, block, p + k0, ld, false,
                                k0 == q0 ? triangle::c_lower : triangle::none);
        const out strip{p, q.rows, keys, ld};
        exp_causal(strip, q0, scale(head), sums, [&](index_t i, S value) { lse(first + i, x.number) = value; });
        if (shape.dropout > 0) drop(strip, task, q0, 0, shape, random);
        block_product<S>::run(q.rows, wide, keys, {p, ld, 1}, v, wide, weighed, wide, false, triangle::a_lower, q0);
        for (index_t i = 0; i < q.rows; ++i)
          scaled_row(y.row(first + i) + x.number * head, weighed + i * wide, head, S(1) / sums[i]);
      }
    });
  }

  /// dqkv (not read) from dy, the output y and what forward kept. Block by block of queries and keys:
  ///     P = exp(Q K' / sqrt(head) - lse)    dP = dy V'    dS = P (dP - rowsum(dy y))
  ///     dV = P' dy    dK = dS' Q / sqrt(head)    dQ = dS K / sqrt(head)
  static void attention_backward(out dqkv, in dy, in y, in lse, in qkv, const attention_shape& shape,
                                 random_stream random) {
    const index_t length = shape.sequence;
    // Heads that share their keys and values are one task: their slopes add up there.
    parallel_tasks(shape.batch * shape.key_heads(), [&](index_t group) {
      const index_t first_task = group * shape.sharing;
      const head_of<in> shared(qkv, shape, first_task);
      const head_of<out> d_shared(dqkv, shape, first_task);
      const index_t head = shared.q.cols, wide = whole_packs<S>(head), all = round_up(length) * head;
      const auto kt = scratch<S>(all), vt = scratch<S>(all), k = scratch<S>(length * wide);
      const auto dk = scratch<S>(length * wide), dv = scratch<S>(length * wide);
      const auto q = scratch<S>(block * wide), dyq = scratch<S>(block * wide), dq = scratch<S>(block * wide);
      const auto p = scratch<S>(block * block), dp = scratch<S>(block * block), dots = scratch<S>(block);
      for (index_t k0 = 0; k0 < length; k0 += block) {
        pack_transposed<S>(kt + k0 * head, block, rows_of(shared.k, k0));
        pack_transposed<S>(vt + k0 * head, block, rows_of(shared.v, k0));
      }
      pack_rows(k.data(), shared.k);
      for (index_t task = first_task; task < first_task + shape.sharing; ++task) {
        const head_of<in> x(qkv, shape, task);
        const head_of<out> dx(dqkv, shape, task);
        for (index_t q0 = 0; q0 < length; q0 += block) {
          const index_t rows = std::min(block, length - q0), first = x.first + q0;
          const auto of_head = [&](in m) { return m.row_block(first, rows).col_block(x.number * head, head); };
          const in dy_rows = of_head(dy), y_rows = of_head(y);
          pack_rows(q.data(), rows_of(x.q, q0), scale(head));
          pack_rows(dyq.data(), dy_rows);
          for (index_t i = 0; i < rows; ++i)
            dots[i] = sum_packs<S>(head, [&](index_t j, index_t part) {
              return load(dy_rows.row(i) + j, part) * load(y_rows.row(i) + j, part);
            });
          for (index_t k0 = 0; k0 <= q0; k0 += block) {
            const index_t keys = std::min(block, length - k0);
            const bool diagonal = k0 == q0, later = !diagonal || task > first_task, follows = k0 > 0;
            const auto mask = [&](triangle t) { return diagonal ? t : triangle::none; };
            block_product<S>::run(rows, block, head, {q, wide, 1}, kt + k0 * head, block, p, block, false,
                                  mask(triangle::c_lower));
            block_product<S>::run(rows, block, head, {dyq, wide, 1}, vt + k0 * head, block, dp, block, false,
                                  mask(triangle::c_lower));
            if (shape.dropout > 0) drop({dp, rows, keys, block}, task, q0, k0, shape, random);
            for (index_t i = 0; i < rows; ++i) {
              S *const pi = p + i * block, *const dpi = dp + i * block;
              const pack<S> shift(lse(first + i, x.number)), dot(dots[i]);
              for (index_t j = 0; j < block; j += pack<S>::width) {
                const pack<S> probability = exp(pack<S>::load(pi + j) - shift);
                probability.store(pi + j);
                fn::softmax_slope{}(probability, pack<S>::load(dpi + j), dot).store(dpi + j);
              }
              if (diagonal) {
                std::fill(pi + i + 1, pi + block, S(0));
                std::fill(dpi + i + 1, dpi + block, S(0));
              }
            }
            if (shape.dropout > 0) drop({p, rows, keys, block}, task, q0, k0, shape, random);
            const strided<S> pt{p, 1, block}, dst{dp, 1, block};
            block_product<S>::run(keys, wide, rows, pt, dyq, wide, dv + k0 * wide, wide, later,
                                  mask(triangle::a_upper));
            block_product<S>::run(keys, wide, rows, dst, q, wide, dk + k0 * wide, wide, later, mask(triangle::a_upper));
            block_product<S>::run(rows, wide, keys, {dp, block, 1}, k + k0 * wide, wide, dq, wide, follows,
                                  mask(triangle::a_lower));
          }
          for (index_t i = 0; i < rows; ++i) scaled_row(dx.q.row(q0 + i), dq + i * wide, head, scale(head));
        }
      }
      for (index_t i = 0; i < length; ++i) {
        std::copy_n(dk + i * wide, head, d_shared.k.row(i));
        std::copy_n(dv + i * wide, head, d_shared.v.row(i));
      }
    });
  }

  /// One sequence continued: the rows of qkv stand at positions past, past + 1, ...; their keys and values are put
  /// into the caches (positions x d / sharing), and each row attends to everything up to itself.
  static void attention_cached(out y, out k_cache, out v_cache, in qkv, index_t past, index_t heads) {
    const index_t d = y.cols, head = d / heads, fresh = y.rows, shared = k_cache.cols, sharing = d / shared;
    for (index_t i = 0; i < fresh; ++i) {
      std::copy_n(qkv.row(i) + d, shared, k_cache.row(past + i));
      std::copy_n(qkv.row(i) + d + shared, shared, v_cache.row(past + i));
    }
    const auto one_head = [&](index_t h) {
      const index_t ld = whole_packs<S>(past + fresh);
      const auto strip = scratch<S>(std::min(block, fresh) * ld);
      for (index_t q0 = 0; q0 < fresh; q0 += block) {
        const index_t count = std::min(block, fresh - q0), keys = past + q0 + count;
        const out p{strip, count, keys, ld};
        const auto shared_by = [&](in m) { return m.col_block(h / sharing * head, head).row_block(0, keys); };
        gemm_kernels<S>::piece(op::none, op::transpose, S(1), qkv.row_block(q0, count).col_block(h * head, head),
                               shared_by(k_cache), S(0), p);
        S sums[block];
        exp_causal(p, past + q0, scale(head), sums, [](index_t, S) {});
        const out to = y.row_block(q0, count).col_block(h * head, head);
        gemm_kernels<S>::piece(op::none, op::none, S(1), p, shared_by(v_cache), S(0), to);
        for (index_t i = 0; i < count; ++i) scale_span(to.row(i), head, S(1) / sums[i]);
      }
    };
    if (fresh < 16)  // a single token: too little work to wake a second thread
      for (index_t h = 0; h < heads; ++h) one_head(h);
    else
      parallel_tasks(heads, one_head);
  }

 private:
  /// The rows and columns of one head of one batch entry.
  template <class View>
  struct head_of {
    head_of(View qkv, const attention_shape& s, index_t task)
        : first(task / s.heads * s.sequence), number(task % s.heads) {
      const index_t head = qkv.cols / (s.heads + 2 * s.key_heads()), shared = number / s.sharing;
      const View rows = qkv.row_block(first, s.sequence);
      q = rows.col_block(number * head, head);
      k = rows.col_block((s.heads + shared) * head, head);
      v = rows.col_block((s.heads + s.key_heads() + shared) * head, head);
    }
    index_t first;   ///< row
    index_t number;  ///< of the head
    View q, k, v;    ///< sequence x head
  };

  static S scale(index_t head) { return static_cast<S>(1.0 / std::sqrt(static_cast<double>(head))); }
  static index_t round_up(index_t rows) { return (rows + block - 1) / block * block; }
  static in rows_of(in m, index_t first) { return m.row_block(first, std::min(block, m.rows - first)); }

  static void scaled_row(S* to, const S* from, index_t count, S factor) {
    for_packs<S>(count, [&](index_t j, index_t part) { store(to + j, load(from + j, part) * pack<S>(factor), part); });
  }

  /// Row i becomes exp(factor (row - its largest)) over its first q0 + i + 1 columns, zero beyond, and sums[i] its sum;
  /// `keep` gets each row's log-sum-exp of factor row. Rows have room for whole packs.
  template <class Keep>
  static void exp_causal(out p, index_t q0, S factor, S* sums, const Keep& keep) {
    for (index_t i = 0; i < p.rows; ++i) {
      S* const row = p.row(i);
      const index_t seen = q0 + i + 1, whole = whole_packs<S>(seen);
      std::fill(row + seen, row + whole, -std::numeric_limits<S>::infinity());
      const S top = factor * largest(row, whole);
      sums[i] = exp_and_sum(row, row, whole, factor, top);
      std::fill(row + seen, row + p.cols, S(0));
      keep(i, top + std::log(sums[i]));
    }
  }

  /// p = p * dropout mask, p the scores of queries from q0 and keys from k0 on; element (i, j) of a head's S x S matrix
  /// has its own draw.
  static void drop(out p, index_t task, index_t q0, index_t k0, const attention_shape& shape,
                   const random_stream& random) {
    const auto mask = scratch<S>(p.cols);
    for (index_t i = 0; i < p.rows; ++i) {
      const index_t element = (task * shape.sequence + q0 + i) * shape.sequence + k0;
      fill_dropout_mask(mask.data(), p.cols, random, static_cast<std::uint64_t>(element), shape.dropout);
      for (index_t j = 0; j < p.cols; ++j) p(i, j) *= mask[j];
    }
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
