#pragma once
/// The kernels of the contract that have no template parameter of their own but the scalar S: what `either` declares
/// where it is used and defines once.

// clang-format off
/// K(result, name, (parameters), (arguments)) for each kernel without a template parameter of its own.
#define GMOE_EITHER_KERNELS(K) \
  /* Memory. */ \
  K(void, upload, (void* to, const void* from, std::size_t bytes), (to, from, bytes)) \
  K(void, download, (void* to, const void* from, std::size_t bytes), (to, from, bytes)) \
  K(void, copy, (void* to, const void* from, std::size_t bytes), (to, from, bytes)) \
  K(host_ids, read_ids, (ids list), (list)) \
  /* Products and sums. */ \
  K(void, gemm, (op op_a, op op_b, S alpha, in a, in b, S beta, out c), (op_a, op_b, alpha, a, b, beta, c)) \
  K(void, row_sums, (out y, S beta, S scale, in x), (y, beta, scale, x)) \
  K(void, col_sums, (out y, S beta, S scale, in x), (y, beta, scale, x)) \
  /* Rows and ids. */ \
  K(void, scatter_add_rows, (out y, in x, ids id), (y, x, id)) \
  K(void, gather_ids, (ids_out y, ids of, ids place), (y, of, place)) \
  K(void, gather_elements, (out y, in x, ids id), (y, x, id)) \
  K(void, scatter_add_elements, (out x, in y, ids id), (x, y, id)) \
  /* Routing. */ \
  K(void, top_k_visible, (ids_out choice, in scores, in mask), (choice, scores, mask)) \
  K(void, keep_where, (ids_out choice, in x), (choice, x)) \
  K(void, limit_capacity, (ids_out choice, index_t experts, index_t capacity, gmoe::priority order), \
    (choice, experts, capacity, order)) \
  K(void, limit_capacity, (ids_out choice, index_t experts, ids asked, const gmoe::capacity_rule& rule, \
    gmoe::priority order), \
    (choice, experts, asked, rule, order)) \
  K(void, sort_pairs, (ids_out order, ids_out position, ids_out offsets, ids choice), \
    (order, position, offsets, choice)) \
  K(void, find_mistake, (ids_out first, ids choice, index_t experts), (first, choice, experts)) \
  /* Draws. */ \
  K(void, fill_uniform, (out y, S low, S high, gmoe::random_stream random), (y, low, high, random)) \
  K(void, dropout, (out y, S beta, in x, gmoe::random_stream random, double probability), \
    (y, beta, x, random, probability)) \
  K(void, keep_randomly, (ids_out choice, in weights, index_t slot, gmoe::random_stream random), \
    (choice, weights, slot, random)) \
  K(void, sample_rows, (ids_out choice, in weights, gmoe::random_stream random), (choice, weights, random)) \
  /* The long list. */ \
  K(void, row_dots, (out y, S beta, in a, in b), (y, beta, a, b)) \
  K(void, sum, (out y, S beta, S scale, in x), (y, beta, scale, x)) \
  K(double, sum_of_squares, (in x), (x)) \
  K(void, softmax_rows, (out y, in x), (y, x)) \
  K(void, softmax_rows_backward, (out dx, S beta, in dy, in y), (dx, beta, dy, y)) \
  K(void, log_sum_exp_rows, (out y, in x), (y, x)) \
  K(void, masked_softmax_rows, (out y, in x, in mask), (y, x, mask)) \
  K(void, entmax_rows, (out y, in x), (y, x)) \
  K(void, layer_norm, (out y, out moments, in x, in gain, in bias, S epsilon), (y, moments, x, gain, bias, epsilon)) \
  K(void, layer_norm_backward, (out dx, S beta, out dgain, out dbias, in dy, in x, in moments, in gain), \
    (dx, beta, dgain, dbias, dy, x, moments, gain)) \
  K(void, gru_gates, (out h_next, out gates, in b_ih, in b_hh, const in* h), (h_next, gates, b_ih, b_hh, h)) \
  K(void, gru_gates_backward, (out gates, out* dh, S beta, in dh_next, const in* h), (gates, dh, beta, dh_next, h)) \
  K(void, transpose_groups, (out y, S beta, in x, index_t group), (y, beta, x, group)) \
  K(void, prefix_means, (out y, S beta, in x, index_t sequence), (y, beta, x, sequence)) \
  K(void, prefix_means_backward, (out dx, S beta, in dy, index_t sequence), (dx, beta, dy, sequence)) \
  K(void, rotate, (out y, S beta, in x, in angles, index_t sequence, index_t first, S way), \
    (y, beta, x, angles, sequence, first, way)) \
  K(void, outer_rows, (out y, S beta, in a, in b), (y, beta, a, b)) \
  K(void, contract_rows, (out y, S beta, in x, in b), (y, beta, x, b)) \
  K(void, contract_rows_left, (out y, S beta, in x, in a), (y, beta, x, a)) \
  K(void, attention, (out y, out lse, in qkv, const gmoe::attention_shape& shape, gmoe::random_stream random), \
    (y, lse, qkv, shape, random)) \
  K(void, attention_backward, (out dqkv, in dy, in y, in lse, in qkv, const gmoe::attention_shape& shape, \
    gmoe::random_stream random), \
    (dqkv, dy, y, lse, qkv, shape, random)) \
  K(void, attention_cached, (out y, out k_cache, out v_cache, in qkv, index_t past, index_t heads), \
    (y, k_cache, v_cache, qkv, past, heads)) \
  K(void, cross_entropy, (out loss, in logits, ids target), (loss, logits, target)) \
  K(void, cross_entropy_with_gradient, (out logits, out loss, ids target, S factor), (logits, loss, target, factor)) \
  K(void, adamw, (out value, out first_moment, out second_moment, in gradient, const gmoe::fn::adamw_step<S>& step), \
    (value, first_moment, second_moment, gradient, step)) \
  K(void, add_rows_periodic, (out y, in x, index_t period), (y, x, period)) \
  K(void, one_hot, (out y, ids id), (y, id)) \
  K(void, count_choices, (out count, S scale, ids choice), (count, scale, choice)) \
  K(void, choice_fractions, (out fraction, ids choice), (fraction, choice)) \
  /* Choices. */ \
  K(void, top_k_rows, (ids_out choice, in scores), (choice, scores)) \
  K(void, keep_until_sum, (ids_out choice, in scores, S limit), (choice, scores, limit)) \
  K(void, choose_above, (ids_out choice, in scores, S threshold), (choice, scores, threshold)) \
  K(void, choose_rows, (ids_out rows, in scores, index_t group, const in* valid), (rows, scores, group, valid)) \
  K(void, choices_of_rows, (ids_out choice, ids rows), (choice, rows)) \
  K(void, choose_pairs, (ids_out choice, in scores, index_t count, const in* valid), (choice, scores, count, valid)) \
  K(void, empty_rows, (ids_out choice, in valid), (choice, valid)) \
  /* Groups and experts. */ \
  K(void, grouped_gemm, (op op_w, in x, const gmoe::block_view<const S>& w, S beta, out y, \
    const gmoe::row_ranges& groups), \
    (op_w, x, w, beta, y, groups)) \
  K(void, grouped_weight_gradient, (in a, in b, S beta, const gmoe::block_view<S>& dw, \
    const gmoe::row_ranges& groups), \
    (a, b, beta, dw, groups)) \
  K(void, batched_gemm, (op op_a, op op_b, in a, in b, S beta, out c, index_t count), \
    (op_a, op_b, a, b, beta, c, count)) \
  K(void, gather_pairs, (out y, S beta, in x, const gmoe::pair_rows<S>& pairs), (y, beta, x, pairs)) \
  K(void, combine_pairs, (out y, S beta, in x, const gmoe::pair_rows<S>& pairs), (y, beta, x, pairs)) \
  K(void, pair_dots, (out y, S beta, in dy, in x, const gmoe::pair_rows<S>& pairs), (y, beta, dy, x, pairs)) \
  K(void, segment_sums, (out y, S beta, S scale, in x, ids offsets), (y, beta, scale, x, offsets)) \
  K(void, expand_segments, (out y, S beta, S scale, in x, ids offsets), (y, beta, scale, x, offsets))
// clang-format on
