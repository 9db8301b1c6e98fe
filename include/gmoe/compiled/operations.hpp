#pragma once
/// The list of what is worth compiling once per backend: the tape's operations, with their kernels, and what they and
/// all models are made of.
///
/// Operations take nearly all of the time that a first model takes to compile, and are the same for all models.
/// `GMOE_COMPILED_OPERATIONS(extern template, gmoe::cpu<float>)` says that somebody else compiles them,
/// `GMOE_COMPILED_OPERATIONS(template, gmoe::cpu<float>)` does so. Used outside of any namespace.

#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/attention.hpp"
#include "gmoe/ops/batched_matmul.hpp"
#include "gmoe/ops/block_layout.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/distances.hpp"
#include "gmoe/ops/dropout.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/entmax.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/gated_experts.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/gru.hpp"
#include "gmoe/ops/layer_norm.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/normal_noise.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/outer_rows.hpp"
#include "gmoe/ops/pairs.hpp"
#include "gmoe/ops/prefix_means.hpp"
#include "gmoe/ops/prefix_mixtures.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/repeat.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/rotary.hpp"
#include "gmoe/ops/rows_by_id.hpp"
#include "gmoe/ops/scale_by.hpp"
#include "gmoe/ops/segments.hpp"
#include "gmoe/ops/softmax.hpp"
#include "gmoe/ops/stop_gradient.hpp"
#include "gmoe/ops/valid_rows.hpp"
#include "gmoe/train/adamw.hpp"

/// One line per operation of ops/; the test `floors` looks for those that were forgotten.
#define GMOE_COMPILED_OPERATIONS(instance, B)                                                                     \
  namespace gmoe {                                                                                                \
  instance class matrix<B>;                                                                                       \
  instance class matrix<B, id_type>;                                                                              \
  instance class parameter<B>;                                                                                    \
  instance class tape<B>;                                                                                         \
  instance class variable<B>;                                                                                     \
  instance class builder<B>;                                                                                      \
  instance class adamw<B>;                                                                                        \
  instance class layer_gradients<B>;                                                                              \
  instance variable<B> relu(const variable<B>&);                                                                  \
  instance variable<B> gelu(const variable<B>&);                                                                  \
  instance variable<B> silu(const variable<B>&);                                                                  \
  instance variable<B> sigmoid(const variable<B>&);                                                               \
  instance variable<B> tanh(const variable<B>&);                                                                  \
  instance variable<B> exp(const variable<B>&);                                                                   \
  instance variable<B> log(const variable<B>&);                                                                   \
  instance variable<B> square(const variable<B>&);                                                                \
  instance variable<B> add(const variable<B>&, const variable<B>&);                                               \
  instance variable<B> add(const variable<B>&, const variable<B>&, const variable<B>&);                           \
  instance variable<B> scale(const variable<B>&, double);                                                         \
  instance variable<B> subtract(const variable<B>&, const variable<B>&);                                          \
  instance variable<B> multiply(const variable<B>&, const variable<B>&);                                          \
  instance variable<B> add_row(const variable<B>&, const variable<B>&);                                           \
  instance variable<B> multiply_col(const variable<B>&, const variable<B>&);                                      \
  instance variable<B> concat_cols(const variable<B>&, const variable<B>&);                                       \
  instance variable<B> cross_entropy(const variable<B>&, const id_matrix<B>&, index_t);                           \
  instance variable<B> linear_cross_entropy(const variable<B>&, const variable<B>&, const id_matrix<B>&, index_t, \
                                            index_t);                                                             \
  instance variable<B> dropout(const variable<B>&, double, random_stream);                                        \
  instance variable<B> embed(const variable<B>&, const variable<B>&, const id_matrix<B>&, index_t, index_t);      \
  instance variable<B> gather_elements(const variable<B>&, const id_matrix<B>&);                                  \
  instance variable<B> apply_experts(relu_expert, const variable<B>&, const variable<B>&, const dispatch<B>*,     \
                                     const variable<B>&, const variable<B>&, const expert_layout<B>&);            \
  instance variable<B> apply_experts(gelu_expert, const variable<B>&, const variable<B>&, const dispatch<B>*,     \
                                     const variable<B>&, const variable<B>&, const expert_layout<B>&);            \
  instance variable<B> apply_experts(silu_expert, const variable<B>&, const variable<B>&, const dispatch<B>*,     \
                                     const variable<B>&, const variable<B>&, const expert_layout<B>&);            \
  instance variable<B> gru(const variable<B>&, const variable<B>&, const variable<B>&, const variable<B>&,        \
                           const variable<B>&, const variable<B>&);                                               \
  instance variable<B> layer_norm(const variable<B>&, const variable<B>&, const variable<B>&, double);            \
  instance variable<B> matmul(const variable<B>&, const variable<B>&, op);                                        \
  instance variable<B> matmul_side_by_side(const variable<B>&, const variable<B>&, const variable<B>&);           \
  instance variable<B> affine(const variable<B>&, const variable<B>&, const variable<B>&);                        \
  instance matrix<B> normal_noise(index_t, index_t, random_stream);                                               \
  instance variable<B> normalize_sums(const variable<B>&, double);                                                \
  instance variable<B> normalize_lengths(const variable<B>&, double);                                             \
  instance variable<B> sum(const variable<B>&);                                                                   \
  instance variable<B> col_means(const variable<B>&);                                                             \
  instance variable<B> dot(const variable<B>&, const variable<B>&);                                               \
  instance variable<B> softmax_rows(const variable<B>&);                                                          \
  instance variable<B> stop_gradient(const variable<B>&);                                                         \
  instance variable<B> causal_attention(const variable<B>&, const attention_shape&, random_stream);               \
  instance variable<B> causal_attention(const variable<B>&, const attention_shape&, random_stream,                \
                                        std::type_identity_t<matrix<B>>&);                                        \
  instance matrix<B> attention_received(const matrix<B>&, const matrix<B>&, const matrix<B>&, attention_shape,    \
                                        const matrix<B>&);                                                        \
  instance variable<B> attention_cached(const variable<B>&, matrix<B>&, matrix<B>&, index_t, index_t);            \
  instance variable<B> softplus(const variable<B>&);                                                              \
  instance variable<B> sqrt(const variable<B>&);                                                                  \
  instance variable<B> reciprocal(const variable<B>&);                                                            \
  instance variable<B> x_log_x(const variable<B>&);                                                               \
  instance variable<B> clamp(const variable<B>&, double, double);                                                 \
  instance variable<B> row_distances(const variable<B>&, const variable<B>&);                                     \
  instance variable<B> smooth_step(const variable<B>&, double);                                                   \
  instance variable<B> normal_cdf(const variable<B>&);                                                            \
  instance variable<B> open_gate(const variable<B>&);                                                             \
  instance variable<B> divide(const variable<B>&, const variable<B>&);                                            \
  instance variable<B> multiply_row(const variable<B>&, const variable<B>&);                                      \
  instance variable<B> add_col(const variable<B>&, const variable<B>&);                                           \
  instance variable<B> masked_softmax_rows(const variable<B>&, const matrix<B>&);                                 \
  instance variable<B> mask_cols(const variable<B>&, const matrix<B>&);                                           \
  instance variable<B> scale_by(const variable<B>&, const variable<B>&);                                          \
  instance variable<B> straight_through(const variable<B>&, const variable<B>&);                                  \
  instance variable<B> batched_matmul(const variable<B>&, const variable<B>&, index_t, op, op);                   \
  instance variable<B> outer_rows(const variable<B>&, const variable<B>&);                                        \
  instance variable<B> contract_rows(const variable<B>&, const variable<B>&);                                     \
  instance variable<B> transpose_groups(const variable<B>&, index_t);                                             \
  instance variable<B> transpose(const variable<B>&);                                                             \
  instance variable<B> softmax_cols(const variable<B>&, index_t);                                                 \
  instance variable<B> softmax_cols(const variable<B>&);                                                          \
  instance variable<B> log_sum_exp_cols(const variable<B>&, index_t);                                             \
  instance variable<B> log_sum_exp_cols(const variable<B>&);                                                      \
  instance variable<B> normalize_col_sums(const variable<B>&, double, index_t);                                   \
  instance variable<B> normalize_col_sums(const variable<B>&, double);                                            \
  instance variable<B> entmax_rows(const variable<B>&);                                                           \
  instance variable<B> group_sums(const variable<B>&, index_t);                                                   \
  instance variable<B> group_means(const variable<B>&, index_t);                                                  \
  instance variable<B> group_log_sum_exp(const variable<B>&, index_t);                                            \
  instance variable<B> group_repeat(const variable<B>&, index_t);                                                 \
  instance variable<B> log_sum_exp_rows(const variable<B>&);                                                      \
  instance variable<B> log_softmax_rows(const variable<B>&);                                                      \
  instance variable<B> entropy_rows(const variable<B>&);                                                          \
  instance variable<B> rotary(const variable<B>&, const matrix<B>&, index_t, index_t, index_t);                   \
  instance variable<B> prefix_means(const variable<B>&, index_t);                                                 \
  instance variable<B> prefix_means(const variable<B>&, index_t, std::type_identity_t<running_means<B>>&);        \
  instance variable<B> prefix_mixtures(const variable<B>&, const variable<B>&, index_t,                           \
                                       std::type_identity_t<running_mixtures<B>>&);                               \
  instance variable<B> row_sums(const variable<B>&);                                                              \
  instance variable<B> col_sums(const variable<B>&);                                                              \
  instance variable<B> row_norms(const variable<B>&, double);                                                     \
  instance variable<B> mean_squared_error(const variable<B>&, const variable<B>&);                                \
  instance variable<B> scatter_elements(const variable<B>&, const id_matrix<B>&, index_t);                        \
  instance variable<B> repeat_rows(const variable<B>&, index_t);                                                  \
  instance variable<B> repeat_cols(const variable<B>&, index_t);                                                  \
  instance variable<B> reshape(const variable<B>&, index_t, index_t);                                             \
  instance variable<B> rows_of(const variable<B>&, index_t, index_t);                                             \
  instance variable<B> columns_of(const variable<B>&, index_t, index_t);                                          \
  instance variable<B> take_rows(const variable<B>&, const id_matrix<B>&);                                        \
  instance id_matrix<B> take_ids(const id_matrix<B>&, const id_matrix<B>&);                                       \
  instance variable<B> add_rows(const variable<B>&, const variable<B>&, const id_matrix<B>&);                     \
  instance variable<B> scatter_rows(const variable<B>&, const id_matrix<B>&, index_t);                            \
  instance variable<B> grouped_matmul(const variable<B>&, const variable<B>&, const block_layout&,                \
                                      const std::type_identity_t<row_groups<B>>&, op);                            \
  instance variable<B> gather_pairs(const variable<B>&, const std::type_identity_t<pair_groups<B>>&);             \
  instance variable<B> combine_pairs(const variable<B>&, const std::type_identity_t<variable<B>>&,                \
                                     const std::type_identity_t<pair_groups<B>>&);                                \
  instance variable<B> combine_pairs(const variable<B>&, const std::type_identity_t<pair_groups<B>>&);            \
  instance variable<B> pair_values(const variable<B>&, const std::type_identity_t<pair_groups<B>>&);              \
  instance variable<B> segment_sums(const variable<B>&, const std::type_identity_t<row_groups<B>>&, double);      \
  instance variable<B> expand_segments(const variable<B>&, const std::type_identity_t<row_groups<B>>&);           \
  instance variable<B> valid_means(const variable<B>&, const std::type_identity_t<valid_rows<B>>&);               \
  instance id_matrix<B> valid_choices(const id_matrix<B>&, const std::type_identity_t<valid_rows<B>>&);           \
  instance id_matrix<B> choose_top_k(const matrix<B>&, index_t);                                                  \
  instance id_matrix<B> choose_top_k(const matrix<B>&, index_t, const matrix<B>&);                                \
  instance id_matrix<B> choose_top_p(const matrix<B>&, double, index_t);                                          \
  instance id_matrix<B> choose_above(const matrix<B>&, double, index_t);                                          \
  instance id_matrix<B> choices_of_rows(const id_matrix<B>&, index_t, index_t);                                   \
  instance id_matrix<B> sample_columns(const matrix<B>&, index_t, random_stream);                                 \
  instance id_matrix<B> choose_rows(const matrix<B>&, index_t, index_t, const matrix<B>&);                        \
  instance id_matrix<B> choose_pairs(const matrix<B>&, index_t, const matrix<B>&);                                \
  }  // namespace gmoe
