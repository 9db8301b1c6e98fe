#pragma once
/// What a backend may make faster: kernels that backend/generic/ composes of the short list. Conventions as there.

#include <concepts>
#include <span>

#include "gmoe/backend/contract/short_list.hpp"
#include "gmoe/backend/dispatch.hpp"
#include "gmoe/backend/groups.hpp"

namespace gmoe::contract {

template <class B>
concept reductions = requires(out<B> y, typename B::scalar beta, typename B::scalar scale, in<B> a, in<B> b, in<B> x) {
  B::row_dots(y, beta, a, b);                        // y (rows x 1) = <row of a, row of b> + beta y
  B::sum(y, beta, scale, x);                         // y (1 x 1) = scale times the sum of x, + beta y
  { B::sum_of_squares(x) } -> std::same_as<double>;  // on the host: waits
};

template <class B>
concept softmaxes = requires(out<B> y, in<B> x, in<B> mask, out<B> dx, typename B::scalar beta, in<B> dy, in<B> of) {
  B::softmax_rows(y, x);                       // y may be x
  B::softmax_rows_backward(dx, beta, dy, of);  // dx = of (dy - <dy, of>) + beta dx; `of` is the softmax
  B::log_sum_exp_rows(y, x);           // y (rows x 1) = log of the row's sum of exp(x); minus infinity for no columns
  B::masked_softmax_rows(y, x, mask);  // softmax over the visible columns (a mask of 1 x N or T x N), else 0
  B::entmax_rows(y, x);                // entmax with alpha 1.5 of each row
};

template <class B>
concept layer_norms = requires(out<B> y, out<B> moments, in<B> x, in<B> gain, in<B> bias, typename B::scalar epsilon,
                               out<B> dx, typename B::scalar beta, out<B> dgain, out<B> dbias, in<B> dy, in<B> kept) {
  // y = (x - mean) / sqrt(variance + epsilon) gain + bias; moments (rows x 2) = [mean, 1 / sqrt(...)]
  B::layer_norm(y, moments, x, gain, bias, epsilon);
  // dx = ... + beta dx; adds to dgain and dbias; `kept` are the moments
  B::layer_norm_backward(dx, beta, dgain, dbias, dy, x, kept, gain);
};

/// The element-wise part of a GRU cell (fn::gru_step) over d columns; `h` may be null: a zero state.
template <class B>
concept grus = requires(out<B> h_next, out<B> gates, in<B> b_ih, in<B> b_hh, const in<B>* h, out<B>* dh,
                        typename B::scalar beta, in<B> dh_next) {
  // gates (T x 4d): [W_ir x + W_hr h | W_iu x + W_hu h | W_in x | W_hn h] becomes [r | u | n | v]; biases 1 x 3d
  B::gru_gates(h_next, gates, b_ih, b_hh, h);
  // [r | u | n | v] becomes [da_r | da_u | da_n | dv]; dh = u dh_next + beta dh, unless null
  B::gru_gates_backward(gates, dh, beta, dh_next, h);
};

/// Rows in groups of equal size, such as the tokens of a sequence.
template <class B>
concept sequences = requires(out<B> y, typename B::scalar beta, in<B> x, index_t group, index_t sequence, in<B> angles,
                             index_t first, typename B::scalar way) {
  B::transpose_groups(y, beta, x, group);  // y(g N + j, i) = x(g group + i, j) + beta y
  B::prefix_means(y, beta, x, sequence);   // y_i = the mean of x's rows from the sequence's first to i, + beta y
  B::prefix_means_backward(y, beta, x, sequence);  // y = the gradient of those means' input, x that of the means
  // y = x with every head of angles.cols columns turned, + beta y: columns j and j + half by the cosine and `way` times
  // the sine at (position, j) and (position, j + half); row i stands at position first + i mod sequence. y may be x.
  B::rotate(y, beta, x, angles, sequence, first, way);
};

/// Rows of m n numbers as m x n matrices.
template <class B>
concept outer_products = requires(out<B> y, typename B::scalar beta, in<B> a, in<B> b, in<B> x) {
  B::outer_rows(y, beta, a, b);          // y(t, i n + j) = a(t, i) b(t, j) + beta y
  B::contract_rows(y, beta, x, b);       // y(t, i) = sum over j of x(t, i n + j) b(t, j), + beta y
  B::contract_rows_left(y, beta, x, a);  // y(t, j) = sum over i of x(t, i n + j) a(t, i), + beta y
};

/// Attention. qkv is T x (d + 2 d / sharing), columns [Q | K | V]: query head h looks at keys and values number h /
/// sharing. Element (i, j) of a head's S x S probabilities has word (task S + i) S + j of the stream, task = entry of
/// the batch times heads + head.
template <class B>
concept attentions = requires(out<B> y, out<B> lse, in<B> qkv, const attention_shape& shape, random_stream random,
                              out<B> dqkv, in<B> dy, in<B> of, in<B> kept, out<B> k_cache, out<B> v_cache, index_t past,
                              index_t heads) {
  // y = softmax(Q K' / sqrt(head), causal) V per sequence and head; lse (T x heads): each row's log-sum-exp
  B::attention(y, lse, qkv, shape, random);
  // dqkv is overwritten; `of` is y, `kept` lse
  B::attention_backward(dqkv, dy, of, kept, qkv, shape, random);
  // rows of one sequence at positions past, past + 1, ...; their keys and values go to the caches (positions x d /
  // sharing)
  B::attention_cached(y, k_cache, v_cache, qkv, past, heads);
};

template <class B>
concept losses = requires(out<B> loss, in<B> logits, ids target, out<B> to_gradient, typename B::scalar factor) {
  B::cross_entropy(loss, logits, target);  // loss (T x 1) = -log softmax(logits)[target], 0 where that is `no_target`
  // the same, and the logits become factor (softmax - one_hot(target)), 0 in rows without target
  B::cross_entropy_with_gradient(to_gradient, loss, target, factor);
};

template <class B>
concept optimizers = requires(out<B> value, out<B> first, out<B> second, in<B> gradient,
                              const fn::adamw_step<typename B::scalar>& step) {
  B::adamw(value, first, second, gradient, step);  // contiguous; the first three are updated
};

template <class B>
concept counts = requires(out<B> y, ids id, index_t period, in<B> x, typename B::scalar scale, ids choice) {
  B::add_rows_periodic(y, x, period);  // adds rows r, r + period, ... of x to row r of y
  B::one_hot(y, id);                   // y (T x N) = 1 in the columns among the ids of the row, else 0
  B::count_choices(y, scale, choice);  // y (1 x N) = scale times the pairs of each expert
  B::choice_fractions(y, choice);      // y (1 x N) = the share of the pairs that is each expert's; zeros for no pair
};

/// Choices by other rules, without gradients, made where the scores are; NaNs and ties as in `routes`. Slots that stay
/// empty are `no_choice`. A mask of zeros and ones is 1 x N or T x N, `valid` T x 1, or null: all rows are.
template <class B>
concept choices = requires(ids_out choice, in<B> scores, typename B::scalar limit, ids_out rows, ids chosen,
                           index_t group, index_t count, const in<B>* valid, in<B> marks) {
  B::top_k_rows(choice, scores);                  // the first k = choice.cols <= N columns of each row
  B::keep_until_sum(choice, scores, limit);       // empties the slots behind the one whose score takes the sum > limit
  B::choose_above(choice, scores, limit);         // the columns > limit, lower ones first, as many as find room
  B::choose_rows(rows, scores, group, valid);     // G N x c: the c best rows of every column, in each group of rows
  B::choices_of_rows(choice, chosen);             // T x N: e in column e where that chose the row
  B::choose_pairs(choice, scores, count, valid);  // T x N: e in column e where the entry is among the `count` best
  B::empty_rows(choice, marks);                   // empties the slots of rows whose mark, T x 1, is not above 0
};

/// Rows in groups, each with a matrix of its own: what every body of experts is composed of. Sizes of products are read
/// from the host, `offsets` and `pairs` lie on the backend. Every `beta` is 0 or 1, weights may be null: 1.
template <class B>
concept grouped = requires(op op_w, op op_a, op op_b, typename B::scalar beta, typename B::scalar scale, in<B> x,
                           in<B> dy, in<B> a, in<B> b, out<B> y, const block_view<const typename B::scalar>& w,
                           const block_view<typename B::scalar>& dw, const row_ranges& groups, ids offsets,
                           const pair_rows<typename B::scalar>& pairs, index_t count) {
  B::grouped_gemm(op_w, x, w, beta, y, groups);        // y_g = x_g op(W_g) + beta y; zeros beyond the columns of W_g'
  B::grouped_weight_gradient(a, b, beta, dw, groups);  // dW_g = a_g' b_g + beta dW_g; blocks of no group stay
  B::batched_gemm(op_a, op_b, a, b, beta, y,
                  count);                          // y_i = op(a_i) op(b_i) + beta y, for `count` equal blocks of rows
  B::gather_pairs(y, beta, x, pairs);              // row i, of pair (t, j): w_tj x_t + beta y
  B::combine_pairs(y, beta, x, pairs);             // y_t = sum over t's pairs of w_tj times their row of x, + beta y
  B::pair_dots(y, beta, dy, x, pairs);             // y_tj = <dy_t, the pair's row of x>, 0 if it has none, + beta y
  B::segment_sums(y, beta, scale, x, offsets);     // y_g = scale times the sum of group g's rows, + beta y
  B::expand_segments(y, beta, scale, x, offsets);  // every row of group g = scale x_g + beta y
};

/// Experts W_out' act(W_in x), over pairs sorted by expert, P of them; a list without order means expert 0 for every
/// row, with weight 1. `hidden` and `d_hidden` have a row per pair, `widest` columns, of which an expert uses as many
/// as it has units: act's output where its slope follows from that (the first argument of the template), else its
/// input.
template <class B>
concept experts = requires(index_t cols, fn::relu act, out<B> y, out<B> hidden, in<B> x, const typename B::pair_list& p,
                           const expert_view<const typename B::scalar>& bank, out<B>* dx, typename B::scalar beta,
                           out<B> dweights, out<B> d_hidden, out<B> pair_dy, in<B> dy,
                           const expert_view<typename B::scalar>& gradients,
                           std::span<const typename B::weight_job> layers) {
  { B::row_stride(cols) } -> std::same_as<index_t>;  // how far apart rows that are multiplied should lie: cols or more
  // y_t = sum over t's pairs of w_p E_e(x_t); writes `hidden`
  B::template experts_forward<true>(act, y, hidden, x, p, bank);
  // dx = ... + beta dx, unless null; dweights (T x K, may be empty) = <dy_t, E_e(x_t)>, not for dropped pairs; leaves
  // act's output in `hidden`, its input's gradient in d_hidden, and w_p dy_t in pair_dy (nothing without order)
  B::template experts_backward<true>(act, dx, beta, dweights, d_hidden, pair_dy, dy, hidden, p, bank);
  // dW_in,e = sum of d_hidden x', dW_out,e = sum of hidden pair_dy', over all layers, + beta dW; beta 0 or 1
  B::expert_weight_gradients(gradients, beta, layers);
};

/// The same for gated experts W_out' (act(W_gate x) * (W_up x)); `gate` and `up` (P x widest) keep the two products.
template <class B>
concept gated_experts = requires(fn::silu act, in<B> x, const gated_blocks<const typename B::scalar>& w, out<B> gate,
                                 out<B> up, out<B> y, const pair_rows<typename B::scalar>& pairs,
                                 const row_ranges& groups, in<B> dy, out<B> hidden, out<B> pair_dy, out<B> dweights,
                                 out<B>* dx, typename B::scalar beta) {
  B::gated_experts_forward(act, x, w, gate, up, y, pairs, groups);
  // gate and up become their gradients, `hidden` the input of W_out'; else as above
  B::gated_experts_backward(act, dy, w, gate, up, hidden, pair_dy, dweights, dx, beta, pairs, groups);
};

template <class B>
concept long_list =
    reductions<B> && softmaxes<B> && layer_norms<B> && grus<B> && sequences<B> && outer_products<B> && attentions<B> &&
    losses<B> && optimizers<B> && counts<B> && choices<B> && grouped<B> && experts<B> && gated_experts<B>;

}  // namespace gmoe::contract
