#pragma once
/// What a model costs: parameters and arithmetic, counted from its sizes without allocating a weight.

#include <cmath>
#include <string>

#include "gmoe/backend/shapes.hpp"
#include "gmoe/model/language_model.hpp"

namespace gmoe {

/// Counts of one model.
struct model_cost {
  index_t total = 0;    ///< parameters, each counted once
  index_t active = 0;   ///< those that one token meets, in the GMoE authors' way of counting: embeddings and the
                        ///< matrices of attention and feed-forward layers; no routers, biases or norms
  index_t experts = 0;  ///< parameters of all routed experts
  index_t router = 0;   ///< parameters of all routers, norms and biases included
  /// Products with weights in a forward pass, per token: active matrices, routers and the head. An embedding lookup
  /// multiplies nothing; the products of attention scores depend on the sequence, see attention_multiply_adds().
  index_t multiply_adds = 0;
};

/// Multiply-adds of attention scores and their sums in a forward pass, per token of a causal sequence of this length.
inline index_t attention_multiply_adds(const sizes& s, index_t sequence) {
  return s.layers * s.d_model * (sequence + 1);  // token i meets i keys and i values: 2 d i, and i is (S + 1) / 2
}

namespace detail {

/// Sizes of the parameters that `part` visits.
struct part_size {
  index_t all = 0, matrices = 0;

  template <class Part>
  void add(Part& part) {
    if constexpr (requires { part.each([](auto&) {}); })
      part.each([this](const auto& p) {
        const bool norm_or_bias =
            p.rows() == 1 && (p.name().find("bias") != std::string::npos || p.name().ends_with("weight"));
        all += p.size();
        if (!norm_or_bias) matrices += p.size();
      });
  }
};

/// Routed experts that a token visits, on average.
template <class Select>
double experts_per_token(const sizes& s) {
  if constexpr (requires { Select::experts_per_token(s); })
    return Select::experts_per_token(s);
  else
    return static_cast<double>(Select::slots(s));
}

}  // namespace detail

/// Counts a model of these sizes. Throws config_error if the sizes do not fit.
template <class Card>
model_cost cost_of(const sizes& s) {
  language_model<Card, shapes> model(s, 0, build_mode::shapes_only);
  model_cost cost;
  model.each_parameter([&](const auto& p) { cost.total += p.size(); });

  detail::part_size shared_router;
  shared_router.add(model.router_shared());
  double routed = 0;
  index_t always = 0, routing = 0;
  for (auto& block : model.blocks()) {
    detail::part_size attention, other;
    attention.add(block.attention);
    always += attention.matrices;
    if (block.moe) {
      other.add(block.moe->always());
      index_t visible = 0;
      for (id_type e : block.moe->visible()) visible += model.bank().size(e);
      routed += detail::experts_per_token<typename Card::select>(s) * static_cast<double>(visible) /
                static_cast<double>(block.moe->visible().size());
      detail::part_size router;
      router.add(model.router_of(block.moe->shape().moe_layer));
      routing += router.matrices + shared_router.matrices;
    } else {
      other.add(*block.dense);
    }
    always += other.matrices;
  }
  for (index_t e = 0; model.moe_layers() > 0 && e < model.bank().experts(); ++e) cost.experts += model.bank().size(e);
  if (model.moe_layers() > 0) cost.router = shared_router.all;
  for (auto& router : model.routers()) {
    detail::part_size size;
    size.add(router);
    cost.router += size.all;
  }
  const index_t used = always + static_cast<index_t>(std::llround(routed));
  cost.active = (s.vocab + s.positions) * s.d_model + used;
  cost.multiply_adds = used + routing + s.vocab * s.d_model;
  return cost;
}

}  // namespace gmoe
