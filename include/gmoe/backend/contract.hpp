#pragma once
/// What a backend promises, on one screen. Each concept is one folder-mate file of backend/<name>/.
///
/// Matrices are row-major views into the backend's memory. A result `y` with a `beta` becomes result + beta y, and
/// beta = 0 never reads y; without a beta it is overwritten, except by what says "add", and but for the
/// gradients of a layer norm's gain and bias, which are added to.

#include <concepts>
#include <cstddef>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/dispatch.hpp"
#include "gmoe/backend/groups.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

namespace contract {

template <class B>
using in = matrix_view<const typename B::scalar>;
template <class B>
using out = matrix_view<typename B::scalar>;
using ids = matrix_view<const id_type>;
using ids_out = matrix_view<id_type>;

template <class B>
concept memory = requires(void* to, const void* from, std::size_t bytes, out<B> y, typename B::scalar s, ids i) {
  typename B::scalar;
  { B::memory::allocate(bytes) } -> std::same_as<void*>;
  B::memory::release(to, bytes);
  typename B::host_ids;          // ids on their way to the host: false when empty
  B::upload(to, from, bytes);    // host to backend
  B::download(to, from, bytes);  // backend to host
  B::copy(to, from, bytes);      // within the backend
  B::fill(y, s);
  { B::read_ids(i) } -> std::same_as<typename B::host_ids>;  // does not wait
};

template <class B>
concept products = requires(op o, typename B::scalar s, in<B> a, in<B> b, out<B> c, index_t cols) {
  B::gemm(o, o, s, a, b, s, c);                      // c = alpha op(a) op(b) + beta c
  { B::row_stride(cols) } -> std::same_as<index_t>;  // of a matrix made to be multiplied: cols or more
};

template <class B>
concept maps = requires(typename B::scalar beta, in<B> x, out<B> y) {
  B::map(y, beta, fn::plus{}, x, x);            // y = f(x...) element-wise; f as in core/functions.hpp
  B::map_with_row(y, beta, fn::plus{}, x, x);   // second operand 1 x cols
  B::map_with_col(y, beta, fn::times{}, x, x);  // second operand rows x 1
};

template <class B>
concept reductions = requires(typename B::scalar s, in<B> x, out<B> y) {
  B::row_dots(y, s, x, x);  // y = rowsum(a b)
  B::row_sums(y, s, s, x);  // y = scale rowsum(x)
  B::col_sums(y, s, s, x);  // y = scale colsum(x)
  B::sum(y, s, s, x);       // y = scale sum(x), 1 x 1
  { B::sum_of_squares(x) } -> std::same_as<double>;
};

template <class B>
concept rows = requires(typename B::scalar s, in<B> x, out<B> y, const in<B>* maybe, out<B>* maybe_out) {
  B::softmax_rows(y, x);
  B::softmax_rows_backward(y, s, x, x);
  B::layer_norm(y, y, x, x, x, s);
  B::layer_norm_backward(y, s, y, y, x, x, x, x);
  B::gru_gates(y, y, x, x, maybe);
  B::gru_gates_backward(y, maybe_out, s, x, maybe);
};

template <class B>
concept softmaxes = requires(out<B> y, in<B> x, in<B> mask) {
  B::log_sum_exp_rows(y, x);           // y (rows x 1) = log of the row's sum of exp(x)
  B::masked_softmax_rows(y, x, mask);  // y = softmax over the columns whose mask (1 x N or T x N) is above 0, else 0
  B::entmax_rows(y, x);                // y = entmax with alpha 1.5 of each row
};

/// Rows in groups of equal size, such as the tokens of a sequence.
template <class B>
concept sequences = requires(out<B> y, typename B::scalar beta, in<B> x, index_t group, index_t sequence) {
  B::transpose_groups(y, beta, x, group);          // y(g N + j, i) = x(g group + i, j): each group of rows transposed
  B::prefix_means(y, beta, x, sequence);           // y_i = the mean of x's rows from the sequence's first to i
  B::prefix_means_backward(y, beta, x, sequence);  // y = the gradient of those means' input, x that of the means
};

/// Rows of m n numbers as m x n matrices.
template <class B>
concept outer_products = requires(out<B> y, typename B::scalar beta, in<B> a, in<B> b, in<B> x) {
  B::outer_rows(y, beta, a, b);          // y(t, i n + j) = a(t, i) b(t, j)
  B::contract_rows(y, beta, x, b);       // y(t, i) = sum over j of x(t, i n + j) b(t, j)
  B::contract_rows_left(y, beta, x, a);  // y(t, j) = sum over i of x(t, i n + j) a(t, i)
};

/// Rows and elements by id; `no_choice` is read as zeros and written nowhere.
template <class B>
concept gathers = requires(in<B> x, out<B> y, ids i, ids_out o, const in<B>* more, index_t n) {
  B::gather_rows(y, x, i, more, n, n);
  B::scatter_add_rows(y, x, i);
  B::add_rows_periodic(y, x, n);
  B::gather_elements(y, x, i);
  B::scatter_add_elements(y, x, i);
  B::one_hot(y, i);
  B::gather_ids(o, i, i);  // o_i = the id at the place i of a list
};

/// One rule for all backends (fn::goes_before): larger scores first; a NaN, whatever its sign, before every number,
/// infinities being numbers; among equals, which NaNs are and -0 and +0 too, the lower column. So k choices are k
/// different columns whatever the scores, and what is not a number is chosen, weighs, and shows in the loss. For the
/// same reason a NaN weight is kept. Ids are columns or `no_choice`, an empty slot, which is no pair; other ids count
/// as empty until somebody looks for the mistake.
template <class B>
concept routes = requires(typename B::scalar s, in<B> x, out<B> y, ids i, ids_out o, index_t n, priority p,
                          random_stream r, const capacity_rule& rule) {
  B::top_k_rows(o, x);                  // the first k = o.cols columns of each row
  B::count_choices(y, s, i);            // y = s times the pairs of each expert, 1 x N
  B::choice_fractions(y, i);            // y = the share of the pairs that is each expert's; zeros if there is no pair
  B::limit_capacity(o, n, n, p);        // experts, pairs that each of them takes
  B::limit_capacity(o, n, i, rule, p);  // the same, with the room that the rule gives for the pairs of i
  B::keep_randomly(o, x, n, r);
  B::sort_pairs(o, o, o, i);
  B::find_mistake(o, i, n);  // o (1 x 1) = the first pair of i that is none of n ids or repeats one of its row; or T K
};

/// Choices by other rules, without gradients, made where the scores are; NaNs and ties as above. Slots that stay empty
/// are `no_choice`. A mask of zeros and ones is 1 x N or T x N, `valid` T x 1, or null: all rows are.
template <class B>
concept choices = requires(in<B> scores, in<B> mask, const in<B>* valid, typename B::scalar limit, ids rows,
                           ids_out choice, index_t group, index_t count, random_stream random) {
  B::top_k_visible(choice, scores, mask);         // top_k_rows among the columns whose mask is above 0
  B::keep_until_sum(choice, scores, limit);       // empties the slots behind the one whose score takes the sum > limit
  B::choose_above(choice, scores, limit);         // the columns > limit, lower ones first, as many as find room
  B::choose_rows(choice, scores, group, valid);   // G N x c: the c best rows of every column, in each group of rows
  B::choices_of_rows(choice, rows);               // T x N: e in column e where that chose the row
  B::choose_pairs(choice, scores, count, valid);  // T x N: e in column e where the entry is among the `count` best
  B::sample_rows(choice, scores, random);         // slot j of row t: drawn by the row's weights, at counter t slots + j
};

template <class B>
concept fused = requires(in<B> x, out<B> y, ids i, random_stream r, const attention_shape& shape, index_t n,
                         typename B::scalar s, const fn::adamw_step<typename B::scalar>& step) {
  B::attention(y, y, x, shape, r);
  B::attention_backward(y, x, x, x, x, shape, r);
  B::attention_cached(y, y, y, x, n, n);
  B::cross_entropy(y, x, i);
  B::cross_entropy_with_gradient(y, y, i, s);
  B::dropout(y, s, x, r, 0.1);
  B::fill_uniform(y, s, s, r);
  B::adamw(y, y, y, x, step);
};

/// Rows in groups, each with a matrix of its own: what every body of experts is composed of. Sizes of products are read
/// from the host, `offsets` and `pairs` lie on the backend. Here every `beta` is 0 or 1, and `weights` may be null.
template <class B>
concept grouped = requires(op op_w, op op_a, op op_b, typename B::scalar beta, typename B::scalar scale, in<B> x,
                           in<B> dy, in<B> a, in<B> b, out<B> y, const block_view<const typename B::scalar>& w,
                           const block_view<typename B::scalar>& dw, const row_ranges& groups, ids offsets,
                           const pair_rows<typename B::scalar>& pairs, index_t count) {
  B::grouped_gemm(op_w, x, w, beta, y, groups);        // y_g = x_g op(W_g); zeros beyond the columns of W_g'
  B::grouped_weight_gradient(a, b, beta, dw, groups);  // dW_g = a_g' b_g; blocks of no group stay as they are
  B::batched_gemm(op_a, op_b, a, b, beta, y, count);   // y_i = op(a_i) op(b_i) for `count` equal blocks of rows
  B::gather_pairs(y, beta, x, pairs);                  // row i, of pair (t, j): w_tj x_t
  B::combine_pairs(y, beta, x, pairs);                 // y_t = sum over t's pairs of w_tj times their row of x
  B::pair_dots(y, beta, dy, x, pairs);                 // y_tj = <dy_t, the pair's row of x>, 0 if it has none
  B::segment_sums(y, beta, scale, x, offsets);         // y_g = scale times the sum of group g's rows
  B::expand_segments(y, beta, scale, x, offsets);      // every row of group g = scale x_g
};

}  // namespace contract

/// A backend: all of the above, plus experts_forward/experts_backward and gated_experts_forward/gated_experts_backward
/// (templates over the activation) and expert_weight_gradients.
template <class B>
concept backend = contract::memory<B> && contract::products<B> && contract::maps<B> && contract::reductions<B> &&
    contract::rows<B> && contract::softmaxes<B> && contract::sequences<B> && contract::outer_products<B> &&
    contract::gathers<B> && contract::routes<B> && contract::choices<B> && contract::fused<B> && contract::grouped<B>;

}  // namespace gmoe
