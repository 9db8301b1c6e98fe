#pragma once
/// Attention as in LLaMA: positions as angles, heads of queries that share keys and values, no biases.

#include <cmath>
#include <utility>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/dropout.hpp"
#include "gmoe/nn/rotary_angles.hpp"
#include "gmoe/ops/attention.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/rotary.hpp"

namespace gmoe {

/// [Q | K | V] = x W';   y = softmax(R(Q) R(K)' / sqrt(head) + causal mask) V W_o'
///
/// R turns every head by its row's position (Su et al. 2021). Of `sizes::heads` heads of queries, `sharing` neighbours
/// look at the same keys and values (Ainslie et al. 2023): 1 is ordinary attention, `heads` is multi-query attention.
struct llama_attention {
  using slot = slots::attention;
  static constexpr reach reaches = reach::past;
  index_t sharing = 2;  ///< heads of queries per head of keys and values
  double base = 10000;  ///< of the angles
  static constexpr auto fields = std::tuple{
      field{"sharing", &llama_attention::sharing, "heads of queries that share one of keys and values", at_least(1)},
      field{"base", &llama_attention::base, "of the angles: columns j of a head turn by base^(-2 j / head)", above(1)}};

  template <class B>
  struct layer {
    parameter<B> qkv, out;  ///< (d + 2 d / sharing) x d, d x d
    matrix<B> angles;       ///< positions x head
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    require(l.heads % sharing == 0, "attention.sharing = ", sharing, " does not divide heads = ", l.heads);
    const index_t head = l.d_model / l.heads;
    require(head % 2 == 0, "d_model / heads = ", head, " is odd: llama_attention turns columns in pairs");
    return {
        make.normal("qkv", shape(l, 0).columns(l.d_model), l.d_model, l.initializer_range),
        make.normal("out", l.d_model, l.d_model, l.initializer_range / std::sqrt(2.0 * static_cast<double>(l.layers))),
        make.mode() == build_mode::shapes_only ? matrix<B>() : rotary_angles<B>(l.positions, head, base)};
  }
  /// Of a row of keys, and of one of values.
  index_t cached_columns(const layer_shape& l) const { return l.d_model / sharing; }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    const double p = at.training ? at.layer.dropout : 0.0;
    const index_t first = at.cache ? at.cache->length : 0, d = x.cols();
    const variable<B> qkv =
        rotary(matmul(x, at.use(my.layer.qkv), op::transpose), my.layer.angles, at.sequence, first, d + d / sharing);
    const index_t probabilities = at.batch * at.layer.heads * at.sequence * at.sequence;
    const random_stream random = at.stream(random_site::attention, probabilities);
    nn::show_mask(at, "attention_mask", at.batch * at.layer.heads * at.sequence, at.sequence, p, random);
    attention_shape s = shape(at.layer, p);
    s.batch = at.batch;
    s.sequence = at.sequence;
    const auto b = static_cast<std::size_t>(at.block);
    const variable<B> y =
        at.cache ? attention_cached(qkv, at.cache->keys[b], at.cache->values[b], at.cache->length, at.layer.heads)
                 : causal_attention(qkv, s, random);
    return nn::dropout(at, matmul(y, at.use(my.layer.out), op::transpose), p, random_site::attention_output,
                       "attn_out_mask");
  }

 private:
  attention_shape shape(const layer_shape& l, double dropout) const {
    return {.heads = l.heads, .dropout = dropout, .sharing = sharing};
  }
};

}  // namespace gmoe
