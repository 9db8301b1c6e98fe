#pragma once
/// Causal multi-head attention by strips: for some heads at a time and a block of query rows, the scores against all
/// keys that these rows may see. The masked half is mostly never computed, probabilities are never kept.

#include <algorithm>
#include <cmath>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/thrust/gemm.hpp"
#include "gmoe/backend/thrust/map.hpp"
#include "gmoe/backend/thrust/softmax.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// Where a strip lies: `heads` matrices of rows x keys, one below the other; row i is query number first_query + i of
/// a sequence, of (batch entry, head) number first_head + ...
struct strip_shape {
  index_t heads, rows, keys, first_head, first_query, past;

  struct place {
    index_t head, query, seen;
  };
  GMOE_HD place at(index_t row) const {
    const index_t query = first_query + row % rows;
    return {first_head + row / rows, query, past + query + 1};
  }
};

/// Dropout of attention probabilities; every element of a head's S x S matrix has its own draw.
template <class S>
struct attention_dropout {
  random_stream random;
  fn::dropout_factor<S> factor;
  index_t sequence;
  bool on;
  GMOE_HD S operator()(const strip_shape::place& p, index_t key) const {
    const index_t element = (p.head * sequence + p.query) * sequence + key;
    return on ? factor(random.word(static_cast<std::uint64_t>(element))) : S(1);
  }
};

/// Rows of `n` head slices of a matrix as places in the strip's loops.
struct head_places {
  index_t all_heads, sequence;
  template <class T>
  GMOE_HD T* row(const matrix_view<T>& m, const strip_shape::place& p, index_t head_size) const {
    return m.row(p.head / all_heads * sequence + p.query) + p.head % all_heads * head_size;
  }
};

/// Scores to probabilities over the keys that a query sees, zero beyond; keeps the log-sum-exp if asked.
template <class S>
struct causal_softmax_row {
  strip_shape shape;
  S* p;
  matrix_view<S> lse;  ///< T x heads, or nothing
  head_places places;
  attention_dropout<S> dropout;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t r) const {
    const auto at = shape.at(r);
    S* const row = p + r * shape.keys;
    const S top = largest_of(team, row, at.seen);
    const S sum = exp_and_sum(team, row, row, at.seen, top);
    for (index_t j = team.first(); j < shape.keys; j += team.step())
      row[j] = j < at.seen ? row[j] / sum * dropout(at, j) : S(0);
    if (lse.data && team.leads()) *places.row(lse, at, 1) = top + fn::log(sum);
  }
};

/// The same probabilities again from the kept log-sum-exp, and as dropout left them.
template <class S>
struct probabilities_row {
  strip_shape shape;
  S *p, *dropped;  ///< `dropped` may be `p` where nothing is dropped
  matrix_view<const S> lse;
  head_places places;
  attention_dropout<S> dropout;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t r) const {
    const auto at = shape.at(r);
    const S shift = *places.row(lse, at, 1);
    for (index_t j = team.first(); j < shape.keys; j += team.step()) {
      const index_t n = r * shape.keys + j;
      const S value = j < at.seen ? fn::exp(p[n] - shift) : S(0);
      p[n] = value;
      if (dropout.on) dropped[n] = value * dropout(at, j);
    }
  }
};

/// dS = P (mask dP - rowsum(dy y)) / sqrt(head), in place of dP.
template <class S>
struct score_slopes_row {
  strip_shape shape;
  const S* p;
  S* dp;
  matrix_view<const S> dy, y;
  index_t head_size;
  S scale;
  head_places places;
  attention_dropout<S> dropout;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t r) const {
    const auto at = shape.at(r);
    const S *const dyi = places.row(dy, at, head_size), *const yi = places.row(y, at, head_size);
    S part = 0;
    for (index_t j = team.first(); j < head_size; j += team.step()) part += dyi[j] * yi[j];
    const S dot = team.sum(part);
    for (index_t j = team.first(); j < shape.keys; j += team.step()) {
      const index_t n = r * shape.keys + j;
      dp[n] = fn::softmax_slope{}(p[n], dp[n] * dropout(at, j), dot) * scale;
    }
  }
};

template <class S>
struct attention_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y = softmax(Q K' / sqrt(head) + causal mask) V per batch entry and head; qkv has columns [Q | K | V].
  /// `lse` (T x heads) keeps each row's log-sum-exp.
  static void attention(out y, out lse, in qkv, const attention_shape& shape, random_stream random) {
    const index_t d = y.cols, head = d / shape.heads, shared = d / shape.sharing;
    const head_places places{shape.heads, shape.sequence};
    const auto dropout = dropout_of(shape, random);
    const index_t group = heads_at_once(shape);
    const scratch<S> p(group * std::min(block, shape.sequence) * shape.sequence);
    for_each_strip(shape, group, [&](const strip_shape& s) {
      const family<S> strip = strip_of(s, p.data());
      const auto q = slices(qkv.col_block(0, d), places, head, s, s.first_query);
      const auto k = slices(qkv.col_block(d, shared), places, head, s, 0, shape.sharing);
      const auto v = slices(qkv.col_block(d + shared, shared), places, head, s, 0, shape.sharing);
      products::batch(op::none, op::transpose, scale(head), q, k, S(0), strip, s.rows, s.keys, head, s.heads);
      for_each_row(s.heads * s.rows, s.keys, causal_softmax_row<S>{s, p, lse, places, dropout});
      products::batch(op::none, op::none, S(1), read(strip), v, S(0), slices(y, places, head, s, s.first_query), s.rows,
                      head, s.keys, s.heads);
    });
  }

  /// dqkv (not read) from dy, the output y and what forward kept.
  ///     dV = P' dy   dP = dy V'   dS = P (dP - rowsum(dy y)) / sqrt(head)   dQ = dS K   dK = dS' Q
  static void attention_backward(out dqkv, in dy, in y, in lse, in qkv, const attention_shape& shape,
                                 random_stream random) {
    const index_t d = y.cols, head = d / shape.heads, shared = d / shape.sharing;
    const head_places places{shape.heads, shape.sequence};
    const auto dropout = dropout_of(shape, random);
    // Heads that share keys and values cannot add to the same slopes at once: each has its own, which are summed after.
    const scratch<S> own(shape.sharing > 1 ? 2 * dqkv.rows * d : 0);
    const out dk = shape.sharing > 1 ? out{own.data(), dqkv.rows, d, d} : dqkv.col_block(d, d);
    const out dv = shape.sharing > 1 ? out{own.data() + dqkv.rows * d, dqkv.rows, d, d} : dqkv.col_block(2 * d, d);
    const index_t group = heads_at_once(shape), size = group * std::min(block, shape.sequence) * shape.sequence;
    const scratch<S> p(size), dp(size), dropped(dropout.on ? size : 0);
    for_each_strip(shape, group, [&](const strip_shape& s) {
      // The last rows come first: they see every key, so they write all of dK and dV, and the earlier ones add.
      const S beta = s.keys == shape.sequence ? S(0) : S(1);
      const index_t first = s.first_query;
      const family<S> strip = strip_of(s, p.data()), d_strip = strip_of(s, dp.data());
      const family<S> masked = dropout.on ? strip_of(s, dropped.data()) : strip;
      const auto q = slices(qkv.col_block(0, d), places, head, s, first);
      const auto k = slices(qkv.col_block(d, shared), places, head, s, 0, shape.sharing);
      const auto v = slices(qkv.col_block(d + shared, shared), places, head, s, 0, shape.sharing);
      const auto dy_rows = slices(dy, places, head, s, first);
      products::batch(op::none, op::transpose, scale(head), q, k, S(0), strip, s.rows, s.keys, head, s.heads);
      for_each_row(s.heads * s.rows, s.keys, probabilities_row<S>{s, p, dropped, lse, places, dropout});
      products::batch(op::transpose, op::none, S(1), read(masked), dy_rows, beta, slices(dv, places, head, s, 0),
                      s.keys, head, s.rows, s.heads);
      products::batch(op::none, op::transpose, S(1), dy_rows, v, S(0), d_strip, s.rows, s.keys, head, s.heads);
      for_each_row(s.heads * s.rows, s.keys, score_slopes_row<S>{s, p, dp, dy, y, head, scale(head), places, dropout});
      products::batch(op::none, op::none, S(1), read(d_strip), k, S(0),
                      slices(dqkv.col_block(0, d), places, head, s, first), s.rows, head, s.keys, s.heads);
      products::batch(op::transpose, op::none, S(1), read(d_strip), q, beta, slices(dk, places, head, s, 0), s.keys,
                      head, s.rows, s.heads);
    });
    if (shape.sharing > 1)
      for (index_t h = 0; h < shape.heads; ++h) {
        const auto add_to = [&](out sum, const out& part) {
          map_kernels<S>::map(sum.col_block(h / shape.sharing * head, head), h % shape.sharing == 0 ? S(0) : S(1),
                              fn::same{}, in(part.col_block(h * head, head)));
        };
        add_to(dqkv.col_block(d, shared), dk);
        add_to(dqkv.col_block(d + shared, shared), dv);
      }
  }

  /// One sequence continued: the rows of qkv stand at positions past, past + 1, ...; their keys and values are put
  /// into the caches (positions x d / sharing), and each row attends to everything up to itself.
  static void attention_cached(out y, out k_cache, out v_cache, in qkv, index_t past, index_t heads) {
    const index_t d = y.cols, head = d / heads, fresh = y.rows, shared = k_cache.cols, sharing = d / shared;
    map_kernels<S>::map(k_cache.row_block(past, fresh), S(0), fn::same{}, qkv.col_block(d, shared));
    map_kernels<S>::map(v_cache.row_block(past, fresh), S(0), fn::same{}, qkv.col_block(d + shared, shared));
    const head_places places{heads, fresh};
    const scratch<S> p(heads * std::min(block, fresh) * (past + fresh));
    for (index_t first = 0; first < fresh; first += block) {
      const index_t rows = std::min(block, fresh - first);
      const strip_shape s{heads, rows, past + first + rows, 0, first, past};
      const family<S> strip = strip_of(s, p.data());
      products::batch(op::none, op::transpose, scale(head), slices(qkv.col_block(0, d), places, head, s, first),
                      slices(in(k_cache), places, head, s, 0, sharing), S(0), strip, s.rows, s.keys, head, s.heads);
      for_each_row(s.heads * s.rows, s.keys,
                   causal_softmax_row<S>{s, p, {}, places, dropout_of({1, fresh, heads, 0}, random_stream())});
      products::batch(op::none, op::none, S(1), read(strip), slices(in(v_cache), places, head, s, 0, sharing), S(0),
                      slices(y, places, head, s, first), s.rows, head, s.keys, s.heads);
    }
  }

 private:
  using products = gemm_kernels<S>;
#if GMOE_ON_CUDA
  static constexpr index_t block = 256, strip_elements = index_t{1} << 26;
#else
  static constexpr index_t block = 64, strip_elements = index_t{1} << 20;
#endif

  static S scale(index_t head) { return static_cast<S>(1.0 / std::sqrt(static_cast<double>(head))); }
  static attention_dropout<S> dropout_of(const attention_shape& shape, random_stream random) {
    return {random, fn::dropout_factor<S>(shape.dropout), shape.sequence, shape.dropout > 0};
  }
  static family<const S> read(const family<S>& f) {
    return {f.data, f.stride, f.inner, f.outer_step, f.inner_step, f.first, f.sharing};
  }
  static family<S> strip_of(const strip_shape& s, S* data) { return {data, s.keys, 1, s.rows * s.keys, 0, 0}; }
  /// The strip's head slices of a T x d matrix, from row `first_row` of each sequence; `sharing` heads have the same.
  template <class T>
  static family<T> slices(matrix_view<T> m, const head_places& p, index_t head, const strip_shape& s, index_t first_row,
                          index_t sharing = 1) {
    return {m.row(first_row), m.stride, p.all_heads, p.sequence * m.stride, head, s.first_head, sharing};
  }

  /// (batch entry, head) pairs whose strips fit into the scratch memory together.
  static index_t heads_at_once(const attention_shape& shape) {
    const index_t one = std::min(block, shape.sequence) * shape.sequence;
    return std::clamp<index_t>(strip_elements / one, 1, shape.batch * shape.heads);
  }
  /// f(strip) for every group of heads, last query rows first.
  template <class F>
  static void for_each_strip(const attention_shape& shape, index_t group, const F& f) {
    const index_t all = shape.batch * shape.heads;
    for (index_t first_head = 0; first_head < all; first_head += group)
      for (index_t first = (shape.sequence - 1) / block * block; first >= 0; first -= block) {
        const index_t rows = std::min(block, shape.sequence - first);
        f(strip_shape{std::min(group, all - first_head), rows, first + rows, first_head, first, 0});
      }
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
