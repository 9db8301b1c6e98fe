#pragma once
/// What a backend must have: memory, products, maps, two sums, and ids. backend/generic/ composes all else of these.
///
/// Matrices are row-major views into the backend's memory, consecutive rows perhaps further apart than a row is long;
/// any size may be 0. A result `y` with a `beta` becomes result + beta y, and beta = 0 never reads y; without a beta it
/// is overwritten, except by what says "add". An element-wise result may be one of its operands.

#include <concepts>
#include <cstddef>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe::contract {

template <class B>
using in = matrix_view<const typename B::scalar>;
template <class B>
using out = matrix_view<typename B::scalar>;
using ids = matrix_view<const id_type>;
using ids_out = matrix_view<id_type>;

template <class B>
concept memory = requires(void* to, const void* from, std::size_t bytes, out<B> y, typename B::scalar value,
                          ids_out choice, id_type id, ids to_read) {
  typename B::scalar;                                     // float or double
  { B::memory::allocate(bytes) } -> std::same_as<void*>;  // throws backend_error if there is none
  B::memory::release(to, bytes);                          // `to` as allocate gave it
  B::upload(to, from, bytes);                             // host to backend
  B::download(to, from, bytes);                           // backend to host; waits until all work on `from` is done
  B::copy(to, from, bytes);                               // within the backend
  B::fill(y, value);                                      // every element of y = value
  B::fill(choice, id);                                    // the same for ids
  typename B::host_ids;                                   // ids on the host, or on their way there: false when empty
  { B::read_ids(to_read) } -> std::same_as<typename B::host_ids>;  // sends for contiguous ids; only reading them waits
};

/// The one product. Any alpha and beta; a sum over no element is 0.
template <class B>
concept products = requires(op op_a, op op_b, typename B::scalar alpha, in<B> a, in<B> b, typename B::scalar beta,
                            out<B> c) {
  B::gemm(op_a, op_b, alpha, a, b, beta, c);  // c = alpha op_a(a) op_b(b) + beta c
};

/// Element by element, by a function object as in core/functions.hpp; `beta` is 0 or 1.
template <class B>
concept maps = requires(out<B> y, typename B::scalar beta, in<B> x, in<B> row, in<B> col) {
  B::map(y, beta, fn::plus{}, x, x);              // y = f(x...) + beta y; one to five operands of y's shape
  B::map_with_row(y, beta, fn::plus{}, x, row);   // y = f(x, row) + beta y; row 1 x cols, repeated over the rows
  B::map_with_col(y, beta, fn::times{}, x, col);  // y = f(x, col) + beta y; col rows x 1, repeated over the columns
};

/// Sums in a fixed order.
template <class B>
concept sums = requires(out<B> y, typename B::scalar beta, typename B::scalar scale, in<B> x) {
  B::row_sums(y, beta, scale, x);  // y (rows x 1) = scale times the sum of each row of x, + beta y
  B::col_sums(y, beta, scale, x);  // y (1 x cols) = scale times the sum of each column of x, + beta y
};

/// Rows and elements by id; `no_choice` is read as zeros and written nowhere. Lists of rows are flat and contiguous.
template <class B>
concept gathers = requires(out<B> y, in<B> x, ids id, const in<B>* more, index_t offset, index_t period, ids_out to,
                           ids of) {
  B::gather_rows(y, x, id, more, offset, period);  // y_i = x_id(i), + row offset + (i mod period) of `more` if not null
  B::scatter_add_rows(y, x, id);      // adds row i of x to row id(i) of y, in the order of i: ids may repeat
  B::gather_ids(to, of, id);          // to_i = the id at place id(i) of a flat list
  B::gather_elements(y, x, id);       // y(i, j) = x(i, id(i, j)); y and id have one shape
  B::scatter_add_elements(y, x, id);  // adds x(i, j) to y(i, id(i, j)), in the order of j
};

/// One rule for all backends (fn::goes_before): larger scores first; a NaN, whatever its sign, before every number,
/// infinities being numbers; among equals, which NaNs are and -0 and +0 too, the lower column. So k choices are k
/// different columns whatever the scores, and what is not a number is chosen, weighs, and shows in the loss. For the
/// same reason a NaN weight is kept. Ids are columns or `no_choice`, an empty slot, which is no pair; other ids count
/// as empty until somebody looks for the mistake. A mask is 1 x N or T x N, and shows the columns where it is above 0.
template <class B>
concept routes = requires(ids_out choice, in<B> scores, in<B> mask, in<B> x, index_t experts, index_t capacity,
                          priority order, ids asked, const capacity_rule& rule, ids_out sorted, ids_out position,
                          ids_out offsets, ids_out first) {
  B::top_k_visible(choice, scores, mask);                  // T x k: the k first visible columns, then `no_choice`
  B::keep_where(choice, x);                                // empties the slots whose x, T x k too, is not above 0
  B::limit_capacity(choice, experts, capacity, order);     // empties all but the first `capacity` slots of each expert
  B::limit_capacity(choice, experts, asked, rule, order);  // the same, with the room that the rule gives for `asked`
  B::sort_pairs(sorted, position, offsets, asked);         // asked (T x K) by expert, stable: see dispatch.hpp
  // first (1 x 1) = the first slot of `asked`, row by row, whose id is none of the experts' or repeats one of its row;
  // T K if there is none
  B::find_mistake(first, asked, experts);
};

/// Draws from keyed streams: the same numbers on every backend. Element (i, j) of an m x n matrix has word i n + j.
template <class B>
concept draws = requires(out<B> y, typename B::scalar low, typename B::scalar high, random_stream random,
                         typename B::scalar beta, in<B> x, double probability, ids_out choice, in<B> weights,
                         index_t slot) {
  B::fill_uniform(y, low, high, random);            // y = fn::uniform_between(low, high) of the element's word
  B::dropout(y, beta, x, random, probability);      // y = x fn::dropout_factor(probability) of the word, + beta y
  B::keep_randomly(choice, weights, slot, random);  // empties slot t unless fn::keeps_second_choice at counter t
  B::sample_rows(choice, weights, random);          // slot j of row t = fn::column_drawn at counter t slots + j
};

template <class B>
concept short_list = memory<B> && products<B> && maps<B> && sums<B> && gathers<B> && routes<B> && draws<B>;

}  // namespace gmoe::contract
