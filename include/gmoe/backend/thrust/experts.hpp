#pragma once
/// Feed-forward experts, forward and backward: gather rows, one product per expert, weight, add up.
///
/// The lengths of the experts' runs are sizes of products, which the host has to know: they are sent for when the pairs
/// are sorted (see dispatch), and this is the only place of a training step where the host waits for the GPU.

#include <algorithm>
#include <span>
#include <vector>

#include "gmoe/backend/dispatch.hpp"
#include "gmoe/backend/thrust/gather.hpp"
#include "gmoe/backend/thrust/gemm.hpp"
#include "gmoe/backend/thrust/map.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM {

/// What the expert kernels read of a dispatch. Without one, expert 0 gets every row, in order, with weight 1.
template <class S>
struct pair_list {
  const id_type* order = nullptr;
  const id_type* position = nullptr;
  typename memory_kernels<S>::host_ids offsets{};
  index_t slots = 1;
  matrix_view<const S> weights;  ///< T x K, or empty for weight 1

  bool everything() const { return order == nullptr; }
};

/// y_t = sum of the rows of t's pairs (times their weights, if given) + beta y_t.
template <class S>
struct combine_row {
  matrix_view<S> y;
  S beta;
  const S* rows;
  const id_type* position_of;
  index_t slots;
  const S* weights;  ///< or null
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t t) const {
    for (index_t c = team.first(); c < y.cols; c += team.step()) {
      S total = 0;
      for (index_t pair = t * slots; pair < (t + 1) * slots; ++pair)
        if (position_of[pair] != no_choice)
          total += (weights ? weights[pair] : S(1)) * rows[position_of[pair] * y.cols + c];
      put(y(t, c), beta, total);
    }
  }
};

/// Row i of the hidden units, from dh = dy W_out': <dy, E(x)> into dweights, and dh := w dh act'; dy := w dy.
template <class S, bool KeepsOutput, class Activation>
struct expert_slopes_row {
  Activation act;
  S *d_hidden, *hidden;  ///< hidden becomes act's output unless it is that already
  index_t widest;
  const id_type* order;  ///< or null: every row, weight 1
  const S* weights;      ///< or null: weight 1
  S* dweights;           ///< or null
  matrix_view<S> dy;
  template <class Team>
  GMOE_DEVICE void operator()(const Team& team, index_t i) const {
    const index_t pair = order ? order[i] : 0;
    const S w = weights ? weights[pair] : S(1);
    S part = 0;
    for (index_t j = i * widest + team.first(); j < (i + 1) * widest; j += team.step()) {
      const S g = d_hidden[j], k = hidden[j];
      S h = k;
      if constexpr (!KeepsOutput) hidden[j] = h = act.value(k);
      part += g * h;
      d_hidden[j] = w * g * act.slope(k, h);
    }
    if (dweights) {
      const S dot = team.sum(part);
      if (team.leads()) dweights[pair] = dot;
    }
    if (weights)
      for (index_t c = team.first(); c < dy.cols; c += team.step()) dy(i, c) *= w;
  }
};

template <class S>
struct expert_kernels {
  using pair_list = on_thrust::pair_list<S>;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// y_t = sum over t's kept pairs of w E_e(x_t), E(x) = W_out' act(W_in x). `hidden` keeps what the backward pass
  /// needs, P x widest: act's output if its slope can be computed from that (`KeepsOutput`), else its input.
  template <bool KeepsOutput, class Activation>
  static void experts_forward(const Activation& act, out y, out hidden, in x, const pair_list& pairs,
                              const expert_view<const S>& experts) {
    const runs r(x.rows, pairs, experts);
    const index_t d = x.cols;
    const scratch<S> gathered(pairs.everything() ? 0 : r.total * d), outputs(pairs.everything() ? 0 : r.total * d);
    const in from = pairs.everything() ? x : gather({gathered, r.total, d, d}, x, pairs);
    const out a{hidden.data, r.total, experts.widest, experts.widest};
    if (r.uneven) memory_kernels<S>::fill(a, S(0));
    run(op::none, op::transpose, r, S(0), [&](index_t e, index_t begin, index_t rows, index_t units) {
      return product<S>{from.row_block(begin, rows), experts.w_in.row_block(experts.begin(e), units),
                        a.row_block(begin, rows).col_block(0, units)};
    });
    const scratch<S> activated(KeepsOutput ? 0 : r.total * experts.widest);
    const out h{KeepsOutput ? a.data : activated.data(), a.rows, a.cols, a.stride};
    map_kernels<S>::map(h, S(0), fn::value_of<Activation>{act}, in(a));
    const out to = pairs.everything() ? y : out{outputs, r.total, d, d};
    run(op::none, op::none, r, S(0), [&](index_t e, index_t begin, index_t rows, index_t units) {
      return product<S>{h.row_block(begin, rows).col_block(0, units), experts.w_out.row_block(experts.begin(e), units),
                        to.row_block(begin, rows)};
    });
    if (!pairs.everything())
      for_each_row(y.rows, d, combine_row<S>{y, S(0), outputs, pairs.position, pairs.slots, pairs.weights.data});
  }

  /// dx = ... + beta dx; dweights (T x K, may be empty) = <dy_t, E_e(x_t)>. Leaves what the experts' own gradients are
  /// made of: `hidden` becomes act's output, `d_hidden` the gradient of its input, and the rows of `pair_dy` (P x d,
  /// sorted by expert) w_te dy_t; without pairs that is dy, and not made.
  template <bool KeepsOutput, class Activation>
  static void experts_backward(const Activation& act, out* dx, S beta, out dweights, out d_hidden, out pair_dy, in dy,
                               out hidden, const pair_list& pairs, const expert_view<const S>& experts) {
    const runs r(dy.rows, pairs, experts);
    const bool all = pairs.everything();
    const index_t d = dy.cols, widest = experts.widest;
    const scratch<S> d_inputs(dx && !all ? r.total * d : 0);
    const out own_dy = all ? pair_dy : pair_dy.row_block(0, r.total), dh{d_hidden.data, r.total, widest, widest};
    const in from_dy = all ? dy : gather(own_dy, dy, pairs);

    if (r.uneven) memory_kernels<S>::fill(dh, S(0));
    run(op::none, op::transpose, r, S(0), [&](index_t e, index_t begin, index_t rows, index_t units) {
      return product<S>{from_dy.row_block(begin, rows), experts.w_out.row_block(experts.begin(e), units),
                        dh.row_block(begin, rows).col_block(0, units)};
    });
    for_each_row(r.total, widest,
                 expert_slopes_row<S, KeepsOutput, Activation>{act, d_hidden.data, hidden.data, widest, pairs.order,
                                                               all ? nullptr : pairs.weights.data,
                                                               all ? nullptr : dweights.data, own_dy});
    if (dx) {
      const out to = all ? *dx : out{d_inputs, r.total, d, d};
      run(op::none, op::none, r, all ? beta : S(0), [&](index_t e, index_t begin, index_t rows, index_t units) {
        return product<S>{dh.row_block(begin, rows).col_block(0, units),
                          experts.w_in.row_block(experts.begin(e), units), to.row_block(begin, rows)};
      });
      if (!all) for_each_row(dy.rows, d, combine_row<S>{*dx, beta, d_inputs, pairs.position, pairs.slots, nullptr});
    }
  }

  /// One layer's part in the gradients of the experts that it sees, as experts_backward leaves it.
  struct weight_job {
    in x, pair_dy, hidden, d_hidden;
    pair_list pairs;
  };

  /// dW_in,e = sum over e's pairs of d_hidden x' + beta dW_in,e, dW_out,e = ... hidden (w dy)' + ..., for layers that
  /// see the same experts; `beta` is 0 or 1, and 0 only if the experts are all of the bank.
  static void expert_weight_gradients(const expert_view<S>& to, S beta, std::span<const weight_job> layers) {
    if (beta == S(0)) {
      memory_kernels<S>::fill(to.w_in, S(0));
      memory_kernels<S>::fill(to.w_out, S(0));
    }
    for (const weight_job& job : layers) {
      const runs r(job.x.rows, job.pairs, to);
      const bool all = job.pairs.everything();
      const index_t d = job.x.cols;
      const scratch<S> gathered(all ? 0 : r.total * d);
      const in from_x = all ? job.x : gather({gathered, r.total, d, d}, job.x, job.pairs);
      run(op::transpose, op::none, r, S(1), [&](index_t e, index_t begin, index_t rows, index_t units) {
        return product<S>{job.d_hidden.row_block(begin, rows).col_block(0, units), from_x.row_block(begin, rows),
                          to.w_in.row_block(to.begin(e), units)};
      });
      run(op::transpose, op::none, r, S(1), [&](index_t e, index_t begin, index_t rows, index_t units) {
        return product<S>{job.hidden.row_block(begin, rows).col_block(0, units), job.pair_dy.row_block(begin, rows),
                          to.w_out.row_block(to.begin(e), units)};
      });
    }
  }

 private:
  /// The experts that have rows, and which.
  struct runs {
    struct part {
      index_t expert, begin, rows, units;
    };
    std::vector<part>& parts;
    index_t total = 0;
    bool uneven = false;  ///< experts of different widths: unused columns must hold zeros

    template <class T>
    runs(index_t tokens, const pair_list& pairs, const expert_view<T>& experts) : parts(recycled()) {
      parts.clear();
      if (pairs.everything()) {
        total = tokens;
        if (tokens > 0) parts.push_back({0, 0, tokens, experts.units(0)});
        uneven = experts.units(0) != experts.widest;
        return;
      }
      const id_type* const offsets = ids_on_host(pairs.offsets);
      total = offsets[experts.experts];
      for (index_t e = 0; e < experts.experts; ++e) {
        if (offsets[e + 1] > offsets[e])
          parts.push_back({e, offsets[e], offsets[e + 1] - offsets[e], experts.units(e)});
        uneven = uneven || experts.units(e) != experts.widest;
      }
    }
    static std::vector<part>& recycled() {
      thread_local std::vector<part> list;
      return list;
    }
  };

  /// All products f(expert, first row, rows, units) in one go.
  template <class F>
  static void run(op op_a, op op_b, const runs& r, S beta, const F& f) {
    if (r.parts.size() == 1) {
      const product<S> p = f(r.parts[0].expert, r.parts[0].begin, r.parts[0].rows, r.parts[0].units);
      return gemm_kernels<S>::gemm(op_a, op_b, S(1), p.a, p.b, beta, p.c);
    }
    thread_local std::vector<product<S>> products;
    products.clear();
    for (const auto& p : r.parts) products.push_back(f(p.expert, p.begin, p.rows, p.units));
    gemm_kernels<S>::grouped(op_a, op_b, S(1), std::span<const product<S>>(products), beta);
  }

  static in gather(out to, in from, const pair_list& pairs) {
    for_each_row(to.rows, to.cols, gather_row<S>{to, from, pairs.order, pairs.slots, {}, 0, 1});
    return to;
  }
};

}  // namespace gmoe::on_thrust::inline GMOE_THRUST_SYSTEM
