#pragma once
/// The GEMM skeleton of a GMoE training step: every matrix product of it, with the same shapes, routing and way of
/// cutting over the threads, and nothing else. A step cannot be faster without better products.

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/moe/findings.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe::bench {

class gemm_skeleton {
  using B = cpu<float>;
  using mat = matrix<B>;
  using in = matrix_view<const float>;
  using out = matrix_view<float>;

 public:
  /// `loads[l][e]` is the number of tokens that expert e gets in block l; see loads_of().
  gemm_skeleton(const sizes& s, index_t batch, index_t sequence, std::vector<std::vector<index_t>> loads)
      : s_(s), batch_(batch), sequence_(sequence), tokens_(batch * sequence), loads_(std::move(loads)) {
    const index_t d = s.d_model, t = tokens_;
    head_ = weight(s.vocab, d);
    pool_in_ = weight(s.experts * s.d_ff, d);
    pool_out_ = weight(s.experts * s.d_ff, d);
    w_ih_ = weight(3 * d, d);
    w_hh_ = weight(3 * d, d);
    for (index_t l = 0; l < s.layers; ++l)
      blocks_.push_back({weight(d, 3 * d), weight(d, d), weight(s.d_ff, d), weight(s.d_ff, d), weight(d, s.experts),
                         weight(s.experts, 2 * d)});
    x_ = filled(t, d);
    y_ = filled(t, d);
    qkv_ = filled(t, 3 * d);
    gates_ = filled(t, B::row_stride(4 * d));
    hidden_ = filled(t, B::row_stride(s.d_ff));
    d_hidden_ = filled(t, B::row_stride(s.d_ff));
    features_ = filled(t, 2 * d);
    d_features_ = filled(t, 2 * d);
    scores_ = filled(t, s.experts);
    d_scores_ = filled(t, s.experts);
    logits_ = filled(t, s.vocab);
    ordered_ = filled(sequence + eigen::attention_kernels<float>::block, eigen::whole_packs<float>(d / s.heads));
  }

  /// One training step's products; only the forward half with `training` false.
  void run(bool training = true) {
    for (index_t l = 0; l < s_.layers; ++l) forward(l);
    product(op::none, op::transpose, x_, head_.value, 0, logits_);
    if (!training) return;
    product(op::none, op::none, logits_, head_.value, 0, y_);
    product(op::transpose, op::none, logits_, x_, 0, head_.gradient);
    for (index_t l = s_.layers - 1; l >= 0; --l) backward(l);
  }

  /// FLOPs of a step's products, each m n k counted as 2 and attention without its masked half: what a step needs.
  double flops(bool training = true) const {
    const auto d = static_cast<double>(s_.d_model), n = static_cast<double>(s_.experts);
    const auto layers = static_cast<double>(s_.layers), m = static_cast<double>(s_.d_ff);
    const double scores = 2 * d * static_cast<double>(sequence_ + 1);
    const double rest = layers * (8 * d * d + 6 * d * n + 8 * d * m) + 12 * d * d * (layers - 0.5) +
                        2 * d * static_cast<double>(s_.vocab);
    return static_cast<double>(tokens_) * (training ? 3 * rest + 3.5 * layers * scores : rest + layers * scores);
  }

 private:
  struct weight_pair {
    mat value, gradient;
  };
  struct block {
    weight_pair qkv, projection, local_in, local_out, z, gate;
  };

  static mat filled(index_t rows, index_t cols) {
    mat m(rows, cols);
    B::fill_uniform(m.view(), -0.1f, 0.1f, random_stream(static_cast<std::uint64_t>(rows * 31 + cols)));
    return m;
  }
  static weight_pair weight(index_t rows, index_t cols) { return {filled(rows, cols), mat::filled(rows, cols, 0)}; }

  out units(mat& m) const { return m.view().col_block(0, s_.d_ff); }

  static void product(op a_op, op b_op, in a, in b, float beta, out c) { B::gemm(a_op, b_op, 1, a, b, beta, c); }
  static void piece(op a_op, op b_op, in a, in b, float beta, out c) {
    eigen::gemm_kernels<float>::piece(a_op, b_op, 1, a, b, beta, c);
  }

  void forward(index_t l) {
    const block& w = blocks_[static_cast<std::size_t>(l)];
    const index_t d = s_.d_model;
    const out gates = gates_.view();
    product(op::none, op::none, x_, w.qkv.value, 0, qkv_);
    attention(false);
    product(op::none, op::none, x_, w.projection.value, 0, y_);
    product(op::none, op::transpose, x_, w_ih_.value, 0, gates.col_block(0, 3 * d));
    if (l > 0) {
      product(op::none, op::transpose, x_, in(w_hh_.value).row_block(0, 2 * d), 1, gates.col_block(0, 2 * d));
      product(op::none, op::transpose, x_, in(w_hh_.value).row_block(2 * d, d), 0, gates.col_block(3 * d, d));
    }
    product(op::none, op::transpose, scores_, w.z.value, 0, y_);
    product(op::none, op::transpose, features_, w.gate.value, 0, scores_);
    product(op::none, op::transpose, x_, w.local_in.value, 0, units(hidden_));
    product(op::none, op::none, units(hidden_), w.local_out.value, 0, y_);
    for_experts(l, [&](index_t e, index_t begin, index_t rows) {
      const index_t m = s_.d_ff;
      const out h = units(hidden_).row_block(begin, rows);
      piece(op::none, op::transpose, in(x_).row_block(begin, rows), in(pool_in_.value).row_block(e * m, m), 0, h);
      piece(op::none, op::none, h, in(pool_out_.value).row_block(e * m, m), 0, y_.view().row_block(begin, rows));
    });
  }

  void backward(index_t l) {
    block& w = blocks_[static_cast<std::size_t>(l)];
    const index_t d = s_.d_model, m = s_.d_ff;
    const in da = std::as_const(gates_).view();
    const float shared = l == s_.layers - 1 ? 0.0f : 1.0f;  // first contributions are written, later ones added
    for_experts(l, [&](index_t e, index_t begin, index_t rows) {
      const out dh = units(d_hidden_).row_block(begin, rows);
      const in x = in(x_).row_block(begin, rows);
      piece(op::none, op::transpose, x, in(pool_out_.value).row_block(e * m, m), 0, dh);
      piece(op::none, op::none, dh, in(pool_in_.value).row_block(e * m, m), 0, y_.view().row_block(begin, rows));
    });
    for_experts(l, [&](index_t e, index_t begin, index_t rows, index_t unit, index_t units) {
      const in x = in(x_).row_block(begin, rows);
      const auto part = [&](const mat& h) { return in(h).row_block(begin, rows).col_block(unit, units); };
      piece(op::transpose, op::none, part(hidden_), x, shared,
            pool_out_.gradient.view().row_block(e * m + unit, units));
      piece(op::transpose, op::none, part(d_hidden_), x, shared,
            pool_in_.gradient.view().row_block(e * m + unit, units));
    });
    product(op::none, op::transpose, x_, w.local_out.value, 0, units(d_hidden_));
    product(op::none, op::none, units(d_hidden_), w.local_in.value, 0, y_);
    product(op::transpose, op::none, units(hidden_), x_, 0, w.local_out.gradient);
    product(op::transpose, op::none, units(d_hidden_), x_, 0, w.local_in.gradient);

    product(op::none, op::none, scores_, w.gate.value, 0, d_features_);
    product(op::transpose, op::none, scores_, features_, 0, w.gate.gradient);
    product(op::none, op::none, x_, w.z.value, 0, d_scores_);
    product(op::transpose, op::none, x_, scores_, 0, w.z.gradient);
    if (l > 0) {
      product(op::none, op::none, da.col_block(0, 2 * d), in(w_hh_.value).row_block(0, 2 * d), 0, y_);
      product(op::none, op::none, da.col_block(3 * d, d), in(w_hh_.value).row_block(2 * d, d), 1, y_);
      product(op::transpose, op::none, da.col_block(0, 2 * d), x_, shared, w_hh_.gradient.view().row_block(0, 2 * d));
      product(op::transpose, op::none, da.col_block(3 * d, d), x_, shared, w_hh_.gradient.view().row_block(2 * d, d));
    }
    product(op::transpose, op::none, da.col_block(0, 3 * d), x_, shared, w_ih_.gradient);
    product(op::none, op::none, da.col_block(0, 3 * d), w_ih_.value, 0, y_);

    product(op::none, op::transpose, x_, w.projection.value, 0, y_);
    product(op::transpose, op::none, x_, x_, 0, w.projection.gradient);
    attention(true);
    product(op::none, op::transpose, qkv_, w.qkv.value, 0, y_);
    product(op::transpose, op::none, x_, qkv_, 0, w.qkv.gradient);
  }

  /// f(expert, first row, rows), or with hidden units too, on the next free thread, largest first; an expert with more
  /// than a thread's share is cut, by rows or by hidden units.
  template <class F>
  void for_experts(index_t l, const F& f) const {
    struct task {
      index_t expert, row, rows, unit, units;
    };
    constexpr bool by_units = std::is_invocable_v<F, index_t, index_t, index_t, index_t, index_t>;
    const index_t share = std::max<index_t>((tokens_ + B::threads() - 1) / B::threads(), 16);
    std::vector<task> tasks;
    index_t first = 0;
    const auto& loads = loads_[static_cast<std::size_t>(l)];
    for (std::size_t e = 0; e < loads.size(); ++e) {
      const index_t rows = loads[e], pieces = (rows + share - 1) / share;
      for (index_t p = 0; p < pieces; ++p) {
        const auto cut = [&](index_t whole, index_t at) { return whole * at / pieces; };
        if (by_units)
          tasks.push_back(
              {static_cast<index_t>(e), first, rows, cut(s_.d_ff, p), cut(s_.d_ff, p + 1) - cut(s_.d_ff, p)});
        else
          tasks.push_back({static_cast<index_t>(e), first + cut(rows, p), cut(rows, p + 1) - cut(rows, p), 0, s_.d_ff});
      }
      first += rows;
    }
    std::sort(tasks.begin(), tasks.end(),
              [](const task& a, const task& b) { return a.rows * a.units > b.rows * b.units; });
    eigen::parallel_tasks(static_cast<index_t>(tasks.size()), [&](index_t i) {
      const task& t = tasks[static_cast<std::size_t>(i)];
      if constexpr (by_units)
        f(t.expert, t.row, t.rows, t.unit, t.units);
      else
        f(t.expert, t.row, t.rows);
    });
  }

  /// By blocks of queries and keys up to the diagonal, as the library's attention, with factors that are in order
  /// already, the same for every head; the scores are made again going backward.
  void attention(bool back) {
    using product = eigen::block_product<float>;
    using eigen::triangle;
    constexpr index_t block = eigen::attention_kernels<float>::block;
    const index_t head = s_.d_model / s_.heads, wide = eigen::whole_packs<float>(head);
    const index_t padded = (sequence_ + block - 1) / block * block;
    const float* const factor = ordered_.data();  // keys or values, turned or not, and a block of queries or dy
    eigen::parallel_tasks(batch_ * s_.heads, [&](index_t) {
      const auto p = eigen::scratch<float>(block * padded), dp = eigen::scratch<float>(block * block);
      const auto dk = eigen::scratch<float>(padded * wide), dv = eigen::scratch<float>(padded * wide);
      const auto y = eigen::scratch<float>(block * wide);
      for (index_t q0 = 0; q0 < sequence_; q0 += block) {
        const index_t rows = std::min(block, sequence_ - q0);
        for (index_t k0 = 0; k0 <= q0; k0 += block) {
          const index_t keys = std::min(block, sequence_ - k0), at = k0 * wide;
          const bool diagonal = k0 == q0;
          const auto mask = [&](triangle t) { return diagonal ? t : triangle::none; };
          product::run(rows, block, head, {factor, wide, 1}, factor + k0 * head, block, back ? p : p + k0,
                       back ? block : padded, false, mask(triangle::c_lower));
          if (!back) continue;
          product::run(rows, block, head, {factor, wide, 1}, factor + k0 * head, block, dp, block, false,
                       mask(triangle::c_lower));
          product::run(keys, wide, rows, {p, 1, block}, factor, wide, dv + at, wide, !diagonal,
                       mask(triangle::a_upper));
          product::run(keys, wide, rows, {dp, 1, block}, factor, wide, dk + at, wide, !diagonal,
                       mask(triangle::a_upper));
          product::run(rows, wide, keys, {dp, block, 1}, factor + at, wide, y, wide, k0 > 0, mask(triangle::a_lower));
        }
        if (!back)
          product::run(rows, wide, q0 + rows, {p, padded, 1}, factor, wide, y, wide, false, triangle::a_lower, q0);
      }
    });
  }

  sizes s_;
  index_t batch_, sequence_, tokens_;
  std::vector<std::vector<index_t>> loads_;
  weight_pair head_, pool_in_, pool_out_, w_ih_, w_hh_;
  std::vector<block> blocks_;
  mat x_, y_, qkv_, gates_, hidden_, d_hidden_, features_, d_features_, scores_, d_scores_, logits_, ordered_;
};

/// The loads that a forward pass found, per mixture and expert.
template <class Backend>
std::vector<std::vector<index_t>> loads_of(const findings<Backend>& found) {
  std::vector<std::vector<index_t>> loads;
  for (const auto& r : found.routings) {
    const std::vector<id_type> offsets = r.pairs.offsets.to_host();
    loads.emplace_back();
    for (std::size_t e = 0; e + 1 < offsets.size(); ++e) loads.back().push_back(offsets[e + 1] - offsets[e]);
  }
  return loads;
}

}  // namespace gmoe::bench
