#pragma once
/// Attention that tells the mixture of its block how much each token matters to it (DA-MoE, Akhavan Aghdam et al.
/// 2024).

#include <tuple>
#include <utility>

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/attention_to_self.hpp"
#include "gmoe/nn/causal_attention.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/repeat.hpp"

namespace gmoe {

/// a_t = 1 - mean over heads of P_tt: what a token looks for in others. It follows from the text so far. The first of a
/// sequence has nobody to look at: 0.
struct attention_to_others {
  static constexpr reach reaches = reach::past;

  template <class B>
  matrix<B> operator()(const place<B>& at, const variable<B>&,
                       const typename nn::causal_attention<B>::on_the_way& made) const {
    const variable<B> self(nn::attention_to_self(at, made, at.layer.heads));
    const variable<B> one(matrix<B>::filled(self.rows(), 1, 1));
    return subtract(one, self).value();
  }
};

/// a_t = r_t / max r, the largest of t's sequence; r_t = sum over u of the mean over heads of P_ut: what t is looked at
/// by itself and those after it. Padding looks at nobody.
struct attention_by_others {
  static constexpr reach reaches = reach::sequence;

  template <class B>
  matrix<B> operator()(const place<B>& at, const variable<B>& read,
                       const typename nn::causal_attention<B>::on_the_way& made) const {
    require(!at.cache, "block ", at.block, ": attention_by_others looks at later tokens, which a generation has not");
    const attention_shape shape{at.batch, at.sequence, at.layer.heads, 0.0};
    const variable<B> received(attention_received(made.qkv.value(), read.value(), made.log_sums, shape, at.valid.mask));
    const variable<B> by_sequence = reshape(received, at.batch, at.sequence);
    const variable<B> most = gather_elements(by_sequence, choose_top_k(by_sequence.value(), 1));
    // Sequences that are padding alone have received nothing.
    return reshape(multiply_col(by_sequence, reciprocal(clamp(most, 1e-30, 1e30))), received.rows(), 1).value();
  }
};

/// GPT-2's attention, as gpt2_attention has it. Importance says what is told: T x 1, in [0, 1], without a gradient.
template <class Importance>
struct attention_with_importance {
  using slot = slots::attention;
  static constexpr reach reaches = Importance::reaches;
  static constexpr bool tells_importance = true;

  template <class B>
  struct layer {
    nn::causal_attention<B> attention;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {nn::causal_attention<B>::make(make, l)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    typename nn::causal_attention<B>::on_the_way made;
    const variable<B> read = my.layer.attention.heads_of(at, x, made);
    at.tell_importance(Importance{}(at, read, made));
    return my.layer.attention.join(at, read);
  }
};

}  // namespace gmoe
