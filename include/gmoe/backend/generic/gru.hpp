#pragma once
/// The element-wise part of a GRU cell, a map per gate.

#include "gmoe/backend/generic/formulas.hpp"
#include "gmoe/backend/generic/parts.hpp"

namespace gmoe::generic {

template <class B, class S>
struct gru_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  static void gru_gates(out h_next, out gates, in b_ih, in b_hh, const in* h) {
    const index_t d = h_next.cols;
    const out r = gates.col_block(0, d), u = gates.col_block(d, d), n = gates.col_block(2 * d, d),
              v = gates.col_block(3 * d, d);
    for (const in& b : {b_ih.col_block(0, 2 * d), b_hh.col_block(0, 2 * d)})
      B::map_with_row(gates.col_block(0, 2 * d), S(0), fn::plus{}, gates.col_block(0, 2 * d), b);
    B::map(r, S(0), fn::value_of<fn::logistic>{}, r);
    B::map(u, S(0), fn::value_of<fn::logistic>{}, u);
    B::map_with_row(v, S(0), fn::plus{}, v, b_hh.col_block(2 * d, d));
    B::map_with_row(n, S(0), fn::plus{}, n, b_ih.col_block(2 * d, d));
    B::map(n, S(0), gru_candidate{}, n, r, v);
    const state before(h, h_next.rows, d);
    B::map(h_next, S(0), gru_mix{}, u, n, before.h);
  }

  static void gru_gates_backward(out gates, out* dh, S beta, in dh_next, const in* h) {
    const index_t d = dh_next.cols;
    const out r = gates.col_block(0, d), u = gates.col_block(d, d), n = gates.col_block(2 * d, d),
              v = gates.col_block(3 * d, d);
    const state before(h, dh_next.rows, d);
    matrix<B> da_r(dh_next.rows, d), da_n(dh_next.rows, d);
    if (dh) B::map(*dh, beta, fn::times{}, dh_next, u);
    B::map(da_r.view(), S(0), gru_r{}, dh_next, r, u, n, v);
    B::map(da_n.view(), S(0), gru_n{}, dh_next, u, n);
    B::map(u, S(0), gru_u{}, dh_next, r, u, n, before.h);
    B::map(v, S(0), fn::times{}, da_n.view(), r);
    B::map(r, S(0), fn::same{}, da_r.view());
    B::map(n, S(0), fn::same{}, da_n.view());
  }

 private:
  /// A state that may be null: zeros.
  struct state {
    state(const in* given, index_t rows, index_t d)
        : nothing(given ? matrix<B>() : zeros<B>(rows, d)), h(given ? *given : in(nothing.view())) {}
    matrix<B> nothing;
    in h;
  };
};

}  // namespace gmoe::generic
