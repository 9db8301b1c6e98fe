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
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/dropout.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/gru.hpp"
#include "gmoe/ops/layer_norm.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/softmax.hpp"
#include "gmoe/ops/stop_gradient.hpp"
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
  instance variable<B> normalize_sums(const variable<B>&, double);                                                \
  instance variable<B> normalize_lengths(const variable<B>&, double);                                             \
  instance variable<B> sum(const variable<B>&);                                                                   \
  instance variable<B> col_means(const variable<B>&);                                                             \
  instance variable<B> dot(const variable<B>&, const variable<B>&);                                               \
  instance variable<B> softmax_rows(const variable<B>&);                                                          \
  instance variable<B> stop_gradient(const variable<B>&);                                                         \
  instance variable<B> causal_attention(const variable<B>&, const attention_shape&, random_stream);               \
  }  // namespace gmoe
