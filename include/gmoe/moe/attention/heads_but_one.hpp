#pragma once
/// Attention as a mixture whose experts are all heads but one (Peng et al. 2020).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/attention/mixture_of_heads.hpp"
#include "gmoe/nn/causal_attention.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/prefix_means.hpp"

namespace gmoe {

///     m_t = mean over u <= t of x_u   g_t = softmax(W_2 tanh(W_1 m_t))
///     y_t = sum over i of g_ti E_i,   E_i = H / (H - 1) sum over j != i of head j's part of attention
///         = sum over j of (1 - g_tj) H / (H - 1) head j's part
///
/// for the H = `sizes::heads` heads of GPT-2's attention. The gate sees what was read so far.
struct heads_but_one {
  using slot = slots::attention;
  static constexpr reach reaches = reach::past;
  index_t hidden = 64;  ///< of the gate
  static constexpr auto fields =
      std::tuple{field{"hidden", &heads_but_one::hidden, "hidden units of the gate", at_least(1)}};

  template <class B>
  struct layer {
    nn::causal_attention<B> attention;
    parameter<B> gate_in, gate_out;  ///< hidden x d, H x hidden
  };
  template <class B>
  struct cached {
    running_means<B> read;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    require(l.heads >= 2, "heads = ", l.heads, ": heads_but_one needs at least 2, or no head is left without one");
    return {nn::causal_attention<B>::make(make, l), make.normal("gate_in", hidden, l.d_model, l.initializer_range),
            make.normal("gate_out", l.heads, hidden, l.initializer_range)};
  }
  /// For accounting: every token meets every head, and the gate is the router.
  attention_experts experts_of(const layer_shape& l) const { return {0, 0, hidden * (l.d_model + l.heads)}; }

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> so_far = prefix_means(x, at.sequence, my.cached.read);
    const variable<B> z =
        matmul(tanh(matmul(so_far, at.use(my.layer.gate_in), op::transpose)), at.use(my.layer.gate_out), op::transpose);
    at.observe("attn_logits", z);
    const variable<B> heads = my.layer.attention.heads_of(at, x);
    const index_t each = x.rows() * at.layer.heads;
    const variable<B> parts = multiply_col(reshape(heads, each, x.cols() / at.layer.heads),
                                           reshape(shares_without(softmax_rows(z)), each, 1));
    return my.layer.attention.join(at, reshape(parts, x.rows(), x.cols()));
  }

 private:
  /// (1 - g) H / (H - 1)
  template <class B>
  static variable<B> shares_without(const variable<B>& g) {
    const double all = static_cast<double>(g.cols()) / static_cast<double>(g.cols() - 1);
    const variable<B> row(matrix<B>::filled(1, g.cols(), static_cast<typename B::scalar>(all)), g.recorded_on(), false);
    return add_row(scale(g, -all), row);
  }
};

}  // namespace gmoe
