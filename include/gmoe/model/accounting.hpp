#pragma once
/// What a model costs: parameters and arithmetic, counted from its sizes without allocating a weight.

#include <algorithm>
#include <cmath>
#include <string>

#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/moe/partners.hpp"

namespace gmoe {

/// Counts of one model.
struct model_cost {
  index_t total = 0;    ///< parameters, each counted once
  index_t active = 0;   ///< those that one token meets, in the GMoE authors' way of counting: embeddings and the
                        ///< matrices of attention and feed-forward layers; no routers, biases or norms
  index_t experts = 0;  ///< parameters of all routed experts
  index_t router = 0;   ///< parameters of all routers, norms and biases included, and of candidates that choose
  /// Products with weights in a forward pass, per token: active matrices, routers and the head. An embedding lookup
  /// multiplies nothing; the products of attention scores depend on the sequence, see attention_multiply_adds().
  index_t multiply_adds = 0;
};

/// Multiply-adds of attention scores and their sums in a forward pass, per token of a causal sequence of this length.
inline index_t attention_multiply_adds(const sizes& s, index_t sequence) {
  return s.layers * s.d_model * (sequence + 1);  // token i meets i keys and i values: 2 d i, and i is (S + 1) / 2
}

/// Floating point operations of a training step per token of sequences of this length: two for a multiply-add, and the
/// backward pass multiplies twice as much as the forward pass with its `multiply_adds` (model_cost).
inline double training_flops_per_token(index_t multiply_adds, const sizes& s, index_t sequence) {
  return 6.0 * static_cast<double>(multiply_adds + attention_multiply_adds(s, sequence));
}

namespace detail {

/// Sizes of parameters, added up.
struct part_size {
  index_t all = 0, matrices = 0;

  explicit part_size(const kept_list<shapes>& kept = {}) { *this += kept; }
  part_size& operator+=(const kept_list<shapes>& kept) {
    for (const parameter<shapes>* p : kept.parameters) {
      const bool norm_or_bias =
          p->rows() == 1 && (p->name().find("bias") != std::string::npos || p->name().ends_with("weight"));
      all += p->size();
      if (!norm_or_bias) matrices += p->size();
    }
    return *this;
  }
};

/// Routed experts that a token visits in a routing, on average: as the form says, the router, the selection, or a
/// balance that steers towards it.
template <class Card>
double experts_per_token(const Card& card, const layer_shape& l) {
  if constexpr (answers<hooks::experts_per_token, answer<Card, slots::form>, nothing, const layer_shape&>)
    return ask<hooks::experts_per_token>(answer_of<slots::form>(card), nothing{}, l);
  else if constexpr (answers<hooks::experts_per_token, answer<Card, slots::router>, nothing, const layer_shape&>)
    return ask<hooks::experts_per_token>(answer_of<slots::router>(card), nothing{}, l);
  else if constexpr (answers<hooks::experts_per_token, answer<Card, slots::select>, nothing, const layer_shape&>)
    return ask<hooks::experts_per_token>(answer_of<slots::select>(card), nothing{}, l);
  else if constexpr (answers<hooks::experts_per_token, answer<Card, slots::balance>, nothing, const layer_shape&>)
    return ask<hooks::experts_per_token>(answer_of<slots::balance>(card), nothing{}, l);
  else
    return static_cast<double>(ask<hooks::at_most>(answer_of<slots::select>(card), nothing{}, l));
}

}  // namespace detail

namespace detail {

/// What the mixtures of a stack add to a model's counts, those in its form included.
struct mixture_cost {
  part_size always;      ///< what every token meets besides, matrices of the form included
  double routed = 0;     ///< of routed experts that a token meets, on average
  double visits = 0;     ///< the same, an expert counted as often as a token visits it
  index_t experts = 0;   ///< parameters of all of them
  index_t router = 0;    ///< parameters of all routers, and of what says whom a token may ask
  index_t products = 0;  ///< with their weights, what layers share counted for each

  /// Experts within a block's attention, whose parameters are in `always` so far.
  void add_attention(const auto& of) {
    always.matrices -= of.all + of.router;
    routed += static_cast<double>(of.met);
    visits += static_cast<double>(of.met);
    experts += of.all;
    router += of.router;
    products += of.router;
  }
  template <class Card>
  void add(moe_stack<Card, shapes>& moe) {
    if constexpr (form_uses<Card, slots::experts> && form_uses<Card, slots::body>)
      if (moe.layers() > 0) add_experts(moe);
    for (index_t l = 0; l < moe.layers(); ++l) {
      always += moe.template kept_of<slots::always>(l);
      always += moe.template kept_of<slots::form>(l);
      const index_t rows = moe.shape(l).rows_per_token;
      products += rows * rounds(moe, l) * products_of_router(moe, l);
      products += rows * rounds(moe, l) * part_size(moe.template kept_of<slots::candidates>(l)).matrices;
      products += (rows - 1) * part_size(moe.template kept_of<slots::always>(l)).matrices;  // once is in `always`
    }
    router += part_size(moe.template kept_of<slots::router>()).all;
    router += part_size(moe.template kept_of<slots::candidates>()).all;
    moe.each_inner([&](auto& inner) { add(inner); });
  }

 private:
  /// Multiply-adds of the layer's router per token and round: as it says, or one with every number of its matrices;
  /// none where an earlier layer has decided.
  template <class Card>
  static index_t products_of_router(moe_stack<Card, shapes>& moe, index_t layer) {
    if constexpr (answers<hooks::decides, answer<Card, slots::router>, nothing, const layer_shape&>)
      if (!ask<hooks::decides>(answer_of<slots::router>(moe.card()), nothing{}, moe.shape(layer))) return 0;
    if constexpr (answers<hooks::products, answer<Card, slots::router>, nothing, const layer_shape&>)
      return ask<hooks::products>(answer_of<slots::router>(moe.card()), nothing{}, moe.shape(layer));
    else
      return part_size(moe.template kept_of<slots::router>(layer)).matrices /
             (has_router_per_round<Card> ? rounds(moe, layer) : 1);
  }
  /// How often the layer's form routes: every time a token may visit other experts.
  template <class Card>
  static index_t rounds(const moe_stack<Card, shapes>& moe, index_t layer) {
    if constexpr (answers<hooks::routings, answer<Card, slots::form>, nothing, const layer_shape&>)
      return ask<hooks::routings>(answer_of<slots::form>(moe.card()), nothing{}, moe.shape(layer));
    else
      return 1;
  }
  /// Experts that the layer's form asks for a token besides those of a routing.
  template <class Card>
  static double assigned(const moe_stack<Card, shapes>& moe, index_t layer) {
    const auto& form = answer_of<slots::form>(moe.card());
    if constexpr (requires(const layer_shape& l) { form.experts_assigned(l); })
      return form.experts_assigned(moe.shape(layer));
    else
      return 0;
  }
  /// Parameters that a token of layer l meets when it asks `asked` of the experts: as the weights say, or so many times
  /// those of an expert on average.
  template <class Card>
  static double met_by(moe_stack<Card, shapes>& moe, index_t l, double asked, const part_size& pool, index_t units) {
    const std::vector<id_type>& seen = moe.visible(l);
    if constexpr (requires { moe.bank().met_by(asked, seen); }) {
      return moe.bank().met_by(asked, seen);
    } else {
      double all = 0;
      for (const id_type e : seen)
        if constexpr (requires { moe.bank().size(e); })
          all += static_cast<double>(moe.bank().size(e));
        else
          all += static_cast<double>(moe.widths()[static_cast<std::size_t>(e)] * pool.matrices) /
                 static_cast<double>(units);
      return asked * all / static_cast<double>(seen.size());
    }
  }
  template <class Card>
  void add_experts(moe_stack<Card, shapes>& moe) {
    kept_list<shapes> bank;
    walk(moe.bank(), bank);
    const part_size pool(bank);
    index_t units = 0;
    for (const index_t w : moe.widths()) units += w;
    experts += pool.all;
    if constexpr (form_uses<Card, slots::select> ||
                  answers<hooks::experts_per_token, answer<Card, slots::form>, nothing, const layer_shape&>)
      for (index_t l = 0; l < moe.layers(); ++l) {
        const double all = static_cast<double>(moe.visible(l).size());
        const double per_round =
            static_cast<double>(moe.shape(l).rows_per_token) *
            met_by(moe, l, experts_per_token(moe.card(), moe.shape(l)) + assigned(moe, l), pool, units);
        const double visible = met_by(moe, l, all, pool, units);
        visits += static_cast<double>(rounds(moe, l)) * per_round;
        routed += std::min(static_cast<double>(rounds(moe, l)) * per_round, visible);
      }
  }
};

}  // namespace detail

/// Counts a model of these numbers. Throws config_error if they do not fit. Experts of a form that does without a
/// selection and does not say how many it asks (`experts_per_token`) are in `total` and `experts` alone. One that
/// routes several times counts each, so that what tokens leave out is counted too, and so are all parts that it cuts a
/// token into.
template <class Card>
model_cost cost_of(const sizes& s, const Card& card = {}) {
  language_model<Card, shapes> model(s, card, 0, build_mode::shapes_only);
  model_cost cost;
  cost.total = detail::part_size(model.kept()).all;
  detail::mixture_cost mixtures;
  for (index_t b = 0; b < s.layers; ++b) {
    mixtures.always += model.around().kept_in_block(b);
    const auto& attention = answer_of<slots::attention>(card);
    if constexpr (requires(const layer_shape& l) { attention.experts_of(l); })
      mixtures.add_attention(attention.experts_of({s, b}));
  }
  mixtures.add(model.moe());
  cost.experts = mixtures.experts;
  cost.router = mixtures.router;
  const index_t always = mixtures.always.matrices;
  cost.active = s.vocab * s.d_model + detail::part_size(model.around().kept_once()).matrices + always +
                static_cast<index_t>(std::llround(mixtures.routed));
  cost.multiply_adds =
      always + static_cast<index_t>(std::llround(mixtures.visits)) + mixtures.products + s.vocab * s.d_model;
  return cost;
}

}  // namespace gmoe
