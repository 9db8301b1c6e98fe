#pragma once
/// The element-wise part of a GRU cell, one pass over the gates.

#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/thrust/parallel.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

template <class S>
struct gru_element {
  matrix_view<S> h_next, gates;
  const S *b_ih, *b_hh;
  matrix_view<const S> h;  ///< or nothing: a zero state
  GMOE_HD void operator()(index_t n) const {
    const index_t d = h_next.cols;
    const position at(n, d);
    const index_t j = at.col;
    S* const g = gates.row(at.row);
    const S v = g[3 * d + j] + b_hh[2 * d + j];
    const auto s = fn::gru_step{}.value(g[j] + b_ih[j] + b_hh[j], g[d + j] + b_ih[d + j] + b_hh[d + j],
                                        g[2 * d + j] + b_ih[2 * d + j], v, h.data ? h(at.row, j) : S(0));
    g[j] = s.r;
    g[d + j] = s.u;
    g[2 * d + j] = s.n;
    g[3 * d + j] = v;
    h_next(at.row, j) = s.h;
  }
};

template <class S>
struct gru_element_backward {
  matrix_view<S> gates, dh;  ///< dh or nothing
  S beta;
  matrix_view<const S> dh_next, h;
  GMOE_HD void operator()(index_t n) const {
    const index_t d = dh_next.cols;
    const position at(n, d);
    const index_t j = at.col;
    S* const g = gates.row(at.row);
    const auto s = fn::gru_step{}.slope(dh_next(at.row, j), g[j], g[d + j], g[2 * d + j], g[3 * d + j],
                                        h.data ? h(at.row, j) : S(0));
    g[j] = s.a_r;
    g[d + j] = s.a_u;
    g[2 * d + j] = s.a_n;
    g[3 * d + j] = s.v;
    if (dh.data) put(dh(at.row, j), beta, s.h);
  }
};

template <class S>
struct gru_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// `gates` (T x 4d) comes in as the products [W_ir x + W_hr h | W_iu x + W_hu h | W_in x | W_hn h] and leaves as
  /// [r | u | n | v], v = W_hn h + b_hn, which the backward pass needs. `h` may be null (a zero state).
  static void gru_gates(out h_next, out gates, in b_ih, in b_hh, const in* h) {
    for_each_index(h_next.size(), gru_element<S>{h_next, gates, b_ih.data, b_hh.data, h ? *h : in{}});
  }

  /// Replaces [r | u | n | v] by the gradients [da_r | da_u | da_n | dv]; dh += the direct path u * dh_next.
  /// `h` and `dh` may be null (a zero state that needs no gradient).
  static void gru_gates_backward(out gates, out* dh, S beta, in dh_next, const in* h) {
    for_each_index(dh_next.size(), gru_element_backward<S>{gates, dh ? *dh : out{}, beta, dh_next, h ? *h : in{}});
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
