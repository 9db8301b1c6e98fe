#pragma once
/// The element-wise part of a GRU cell, one pass over the gates.

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct gru_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// `gates` (T x 4d) comes in as the products [W_ir x + W_hr h | W_iu x + W_hu h | W_in x | W_hn h] and leaves as
  /// [r | u | n | v], v = W_hn h + b_hn, which the backward pass needs. `h` may be null (a zero state).
  static void gru_gates(out h_next, out gates, in b_ih, in b_hh, const in* h) {
    const index_t d = h_next.cols;
    parallel_ranges(h_next.rows, row_grain(4 * d), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        S* g = gates.row(i);
        for_packs<S>(d, [&](index_t j, index_t part) {
          const auto bias = [&](const in& b, index_t gate) { return load(b.data + gate * d + j, part); };
          const pack<S> v = load(g + 3 * d + j, part) + bias(b_hh, 2);
          const auto s = fn::gru_step{}.value(
              load(g + j, part) + bias(b_ih, 0) + bias(b_hh, 0), load(g + d + j, part) + bias(b_ih, 1) + bias(b_hh, 1),
              load(g + 2 * d + j, part) + bias(b_ih, 2), v, h ? load(h->row(i) + j, part) : pack<S>(S(0)));
          store(g + j, s.r, part);
          store(g + d + j, s.u, part);
          store(g + 2 * d + j, s.n, part);
          store(g + 3 * d + j, v, part);
          store(h_next.row(i) + j, s.h, part);
        });
      }
    });
  }

  /// Replaces [r | u | n | v] by the gradients [da_r | da_u | da_n | dv]; dh += the direct path u * dh_next.
  /// `h` and `dh` may be null (a zero state that needs no gradient).
  static void gru_gates_backward(out gates, out* dh, S beta, in dh_next, const in* h) {
    const index_t d = dh_next.cols;
    parallel_ranges(dh_next.rows, row_grain(4 * d), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        S* g = gates.row(i);
        for_packs<S>(d, [&](index_t j, index_t part) {
          const auto s = fn::gru_step{}.slope(load(dh_next.row(i) + j, part), load(g + j, part), load(g + d + j, part),
                                              load(g + 2 * d + j, part), load(g + 3 * d + j, part),
                                              h ? load(h->row(i) + j, part) : pack<S>(S(0)));
          store(g + j, s.a_r, part);
          store(g + d + j, s.a_u, part);
          store(g + 2 * d + j, s.a_n, part);
          store(g + 3 * d + j, s.v, part);
          if (dh) {
            S* to = dh->row(i) + j;
            store(to, beta == S(0) ? s.h : load(to, part) + s.h, part);
          }
        });
      }
    });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
