#pragma once
/// Attention whose heads are experts: every token chooses those that ask for it (Zhang et al. 2022, MoA).

#include <cmath>
#include <utility>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/dropout.hpp"
#include "gmoe/nn/walk.hpp"
#include "gmoe/ops/attention.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/pairs.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

/// What accounting is told of experts within attention, in parameters of one block.
struct attention_experts {
  index_t all = 0, met = 0;  ///< of all experts, and of those that a token meets
  index_t router = 0;
};

namespace detail {
/// The same pairs, each slot of a token a row by itself: from T x K h to P x h by gather_pairs, and back by
/// combine_pairs.
template <class B>
pair_groups<B> slot_by_slot(pair_groups<B> pairs) {
  pairs.tokens *= pairs.slots;
  pairs.slots = 1;
  return pairs;
}
}  // namespace detail

///     p = softmax(W_r x)   I_t = the K largest of p_t   K, V = x W_k', x W_v'
///     y_t = sum over i in I_t of p_ti W_o,i' attention(W_q,i x_t; K, V)
///
/// K is `sizes::heads`, each of d / K columns, as in any attention, out of N = K * choices. All share one head of keys
/// and values, which no token chooses.
struct mixture_of_heads {
  using slot = slots::attention;
  static constexpr reach reaches = reach::past;
  index_t choices = 4;  ///< N / K
  double alpha = 0.01;  ///< of the balance loss
  double beta = 1e-3;   ///< of the z-loss
  static constexpr auto fields = std::tuple{
      field{"choices", &mixture_of_heads::choices, "heads to choose from, for each that a token takes", at_least(1)},
      field{"alpha", &mixture_of_heads::alpha, "coefficient of the heads' load balancing loss", at_least(0)},
      field{"beta", &mixture_of_heads::beta, "coefficient of their router's z-loss", at_least(0)}};

  template <class B>
  struct layer {
    parameter<B> gate, query, shared, out;  ///< N x d, N d_h x d, 2 d_h x d, N d_h x d
    block_layout heads;                     ///< a block of d_h rows for each of N
    void list(kept_list<B>& all) {
      for (parameter<B>* const p : {&gate, &query, &shared, &out}) all.add(*p);
    }
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    const index_t n = experts(l), h = head(l);
    return {make.normal("gate", n, l.d_model, l.initializer_range),
            make.normal("query", n * h, l.d_model, l.initializer_range),
            make.normal("shared", 2 * h, l.d_model, l.initializer_range),
            make.normal("out", n * h, l.d_model, l.initializer_range / std::sqrt(2.0 * static_cast<double>(l.layers))),
            block_layout::equal(n, h)};
  }
  /// Of a row of keys, and of one of values.
  index_t cached_columns(const layer_shape& l) const { return head(l); }
  /// For accounting.
  attention_experts experts_of(const layer_shape& l) const {
    return {2 * experts(l) * head(l) * l.d_model, 2 * l.heads * head(l) * l.d_model, experts(l) * l.d_model};
  }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    const index_t heads = at.layer.heads, h = head(at.layer);
    const double p = at.training ? at.layer.dropout : 0.0;
    routing<B> r;
    r.block = at.block;
    r.experts = experts(at.layer);
    r.valid = at.valid;
    r.logits = matmul(x, at.use(my.layer.gate), op::transpose);
    at.observe("attn_logits", r.logits);
    r.scores = softmax_rows(r.logits);
    r.chosen = valid_choices(choose_top_k(r.scores.value(), heads), r.valid);
    add_losses(at, r);

    const pair_groups<B> pairs(sort_by_expert(r.chosen, r.experts, {at.block}));
    const pair_groups<B> slots = detail::slot_by_slot(pairs);
    const variable<B> asked =
        grouped_matmul(gather_pairs(x, pairs), at.use(my.layer.query), my.layer.heads, pairs, op::transpose);
    const variable<B> queries = reshape(combine_pairs(asked, slots), x.rows(), heads * h);
    const variable<B> read = attend(at, concat_cols(queries, matmul(x, at.use(my.layer.shared), op::transpose)), p);
    const variable<B> told = grouped_matmul(gather_pairs(reshape(read, x.rows() * heads, h), slots),
                                            at.use(my.layer.out), my.layer.heads, pairs);
    const variable<B> y = combine_pairs(told, gather_elements(r.scores, r.chosen), pairs);
    return nn::dropout(at, y, p, random_site::attention_output, "attn_out_mask");
  }

 private:
  index_t experts(const layer_shape& l) const { return choices * l.heads; }
  static index_t head(const layer_shape& l) { return l.d_model / l.heads; }

  /// Of [Q of every slot | K | V].
  template <class B>
  static variable<B> attend(const place<B>& at, const variable<B>& qkv, double dropout) {
    const index_t heads = at.layer.heads;
    const random_stream random = at.stream(random_site::attention, at.batch * heads * at.sequence * at.sequence);
    nn::show_mask(at, "attention_mask", at.batch * heads * at.sequence, at.sequence, dropout, random);
    const auto b = static_cast<std::size_t>(at.block);
    return at.cache ? attention_cached(qkv, at.cache->keys[b], at.cache->values[b], at.cache->length, heads)
                    : causal_attention(qkv, {at.batch, at.sequence, heads, dropout, heads}, random);
  }
  /// Means over the blocks, as the losses of mixtures are.
  template <class B>
  void add_losses(const place<B>& at, const routing<B>& r) const {
    const double share = 1.0 / static_cast<double>(at.layer.layers);
    if (alpha > 0) at.add_loss("heads_balance", scale(switch_loss{.alpha = alpha}.layer_loss(at, r), share));
    if (beta > 0) at.add_loss("heads_z", scale(valid_means(square(log_sum_exp_rows(r.logits)), r.valid), beta * share));
  }
};

}  // namespace gmoe
