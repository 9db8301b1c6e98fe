#pragma once
/// One mixture-of-experts layer: the slots of a card composed.
///
///     z = router(x)   p = score(z)   I = select(p)   w = gate(p, I)   I' = capacity(I)
///     y = always(x) + sum_{e in I'} w_e E_e(x)

#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gmoe/core/slot.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

namespace detail {
struct nothing {};

template <class Router, class B>
struct router_shared {
  using type = nothing;
};
template <class Router, class B>
requires requires { typename Router::template shared<B>; }
struct router_shared<Router, B> {
  using type = typename Router::template shared<B>;
};
template <class Router, class B>
struct router_state {
  using type = nothing;
};
template <class Router, class B>
requires requires { typename Router::template state<B>; }
struct router_state<Router, B> {
  using type = typename Router::template state<B>;
};
template <class Select, class B>
struct select_layer {
  using type = nothing;
};
template <class Select, class B>
requires requires { typename Select::template layer<B>; }
struct select_layer<Select, B> {
  using type = typename Select::template layer<B>;
};
}  // namespace detail

/// The router's parameters for all layers together; empty if it has none.
template <class Router, class B>
using router_shared_t = typename detail::router_shared<Router, B>::type;
/// What the router carries from layer to layer; empty if it is stateless.
template <class Router, class B>
using router_state_t = typename detail::router_state<Router, B>::type;

/// What a selection keeps for each layer, such as a bias per expert; empty if it keeps nothing.
template <class Select, class B>
using select_layer_t = typename detail::select_layer<Select, B>::type;

/// A router's layer maps tokens to logits, T x N. It is given what it asks for: x alone, x and the state, x and what
/// the layers share, or all of them.
template <class Router, class B>
concept routes_tokens = requires(typename Router::template layer<B>& layer, const context<B>& ctx,
                                 const variable<B>& x) {
  { layer.logits(ctx, x) } -> std::same_as<variable<B>>;
}
|| requires(typename Router::template layer<B>& layer, const context<B>& ctx, const variable<B>& x,
            router_state_t<Router, B>& state) {
  { layer.logits(ctx, x, state) } -> std::same_as<variable<B>>;
}
|| requires(typename Router::template layer<B>& layer, const context<B>& ctx, const variable<B>& x,
            router_shared_t<Router, B>& shared) {
  { layer.logits(ctx, x, shared) } -> std::same_as<variable<B>>;
}
|| requires(typename Router::template layer<B>& layer, const context<B>& ctx, const variable<B>& x,
            router_shared_t<Router, B>& shared, router_state_t<Router, B>& state) {
  { layer.logits(ctx, x, shared, state) } -> std::same_as<variable<B>>;
};

/// The parts of a mixture that belong to one layer. The expert bank, and what routers share, belong to the model.
template <class Card, class B>
class moe_layer {
  using router = typename Card::router;
  static_assert(
      requires { typename router::template layer<B>; },
      "gmoe: the router has no member template struct layer<Backend> that holds a layer's parameters");
  static_assert(routes_tokens<router, B>,
                "gmoe: the router's layer<Backend> has no variable<B> logits(const context<B>&, const variable<B>& x), "
                "with (state<B>&), (shared<B>&) or (shared<B>&, state<B>&) after x if it declares them");
  using router_layer = typename router::template layer<B>;
  using always_layer = typename Card::always::template layer<B, typename Card::body>;
  using select_layer = select_layer_t<typename Card::select, B>;
  static constexpr bool hears_steps = requires(select_layer & select, const sizes& s, const routing_statistics& all) {
    select.after_step(s, all);
  };
  static_assert(
      hears_steps || !requires { &select_layer::after_step; },
      "gmoe: the selection's layer<Backend> has an after_step that is not "
      "after_step(const sizes&, const routing_statistics&)");

 public:
  moe_layer(const builder<B>& make, const sizes& s, const layer_shape& l, std::vector<id_type> visible)
      : shape_(l),
        visible_(std::make_shared<const std::vector<id_type>>(std::move(visible))),
        always_(make.scope("local"), s, l),
        select_(make_select(make.scope("select"), s, l)) {}

  const layer_shape& shape() const { return shape_; }
  /// The bank's number of each of the layer's experts.
  const std::vector<id_type>& visible() const { return *visible_; }
  always_layer& always() { return always_; }
  /// What the selection keeps for this layer.
  select_layer& select() { return select_; }

  /// x: T x d. Fills `r`. Returns the routed experts' sum, and what every token gets besides (or nothing).
  struct output {
    variable<B> routed, always;
  };
  output operator()(const context<B>& ctx, const sizes& s, const variable<B>& x, expert_bank<B>& bank,
                    router_layer& layer, router_shared_t<router, B>& shared, router_state_t<router, B>& state,
                    routing<B>& r) {
    const auto* const recorded =
        ctx.replay ? &ctx.replay->choices(shape_.moe_layer, x.rows(), shape_.experts) : nullptr;
    r = {};
    r.block = ctx.block;
    r.experts = shape_.experts;
    r.logits = call_router(ctx, x, layer, shared, state);
    require(r.logits.rows() == x.rows() && r.logits.cols() == shape_.experts, "the router returned logits of shape ",
            r.logits.rows(), " x ", r.logits.cols(), ", expected ", x.rows(), " x ", shape_.experts);
    r.scores = Card::score::scores(r.logits);
    r.chosen = recorded ? recorded->chosen : choose(ctx, s, r.scores);
    r.weights = Card::gate::weights(ctx, r);
    r.kept = recorded ? recorded->kept : Card::capacity::keep(ctx, s, r);
    r.pairs = sort_by_expert(r.kept, r.experts);

    output y;
    // First what does not depend on the routing: meanwhile a device sends the experts' loads to the host.
    if constexpr (requires { always_(ctx, x); }) y.always = always_(ctx, x);
    y.routed = apply_experts(typename Card::body{}, x, r.weights, &r.pairs, ctx.use(bank.w_in()), ctx.use(bank.w_out()),
                             bank.layout(visible_, layers_share_experts));
    ctx.observe("routed_out", y.routed);
    if (y.always) ctx.observe("always_out", y.always);
    if (ctx.observer) ctx.observer->see("moe_out", ctx.block, sum(y));
    return y;
  }

  void each(auto&& visit) {
    always_.each(visit);
    if constexpr (requires { select_.each(visit); }) select_.each(visit);
  }
  void each_buffer(auto&& visit) {
    if constexpr (requires { select_.each_buffer(visit); }) select_.each_buffer(visit);
  }
  template <class T>
  void check_buffer(std::string_view name, std::span<const T> values) const {
    if constexpr (requires { select_.check_buffer(name, values); }) select_.check_buffer(name, values);
  }

  /// Remembers the loads of a training pass, in which the layer routed as in `r`, until the step is done.
  void count_pass(const routing<B>& r) {
    if constexpr (hears_steps) {
      pass& p = passes_.emplace_back(pass{r.chosen.rows(), matrix<B>(1, r.experts)});
      B::count_choices(p.load.view(), typename B::scalar(1), r.chosen.view());
    }
  }
  void forget_passes() { passes_.clear(); }
  /// Tells the selection of all passes since the last step, if there were any.
  void after_step(const sizes& s) {
    if constexpr (hears_steps) {
      routing_statistics all;
      all.load.resize(static_cast<std::size_t>(shape_.experts));
      for (const pass& p : passes_) {
        ++all.passes;
        all.tokens += p.tokens;
        const auto load = p.load.to_host();
        for (std::size_t e = 0; e < load.size(); ++e) all.load[e] += static_cast<index_t>(load[e]);
      }
      for (const index_t pairs : all.load) all.pairs += pairs;
      forget_passes();
      if (all.passes > 0) select_.after_step(s, all);
    }
  }

 private:
  /// The layer's output, for observers: the model adds its parts to the residual stream in one go.
  static matrix<B> sum(const output& y) {
    if (!y.always) return y.routed.value();
    matrix<B> both(y.routed.rows(), y.routed.cols());
    B::map(both.view(), 0, fn::plus{}, y.always.value().view(), y.routed.value().view());
    return both;
  }

  static variable<B> call_router(const context<B>& ctx, const variable<B>& x, router_layer& layer,
                                 router_shared_t<router, B>& shared, router_state_t<router, B>& state) {
    if constexpr (requires { layer.logits(ctx, x, shared, state); })
      return layer.logits(ctx, x, shared, state);
    else if constexpr (requires { layer.logits(ctx, x, state); })
      return layer.logits(ctx, x, state);
    else if constexpr (requires { layer.logits(ctx, x, shared); })
      return layer.logits(ctx, x, shared);
    else
      return layer.logits(ctx, x);
  }

  id_matrix<B> choose(const context<B>& ctx, const sizes& s, const variable<B>& scores) {
    if constexpr (requires { select_.choose(ctx, s, scores); })
      return select_.choose(ctx, s, scores);
    else
      return Card::select::choose(ctx, s, scores);
  }

  static select_layer make_select(const builder<B>& make, const sizes& s, const layer_shape& l) {
    if constexpr (std::is_constructible_v<select_layer, const builder<B>&, const sizes&, const layer_shape&>)
      return select_layer(make, s, l);
    else
      return {};
  }

  static constexpr bool layers_share_experts = [] {
    if constexpr (requires { Card::experts::shared_between_layers; }) return Card::experts::shared_between_layers;
    return false;
  }();

  layer_shape shape_;
  expert_list visible_;
  always_layer always_;
  select_layer select_;
  struct pass {
    index_t tokens;
    matrix<B> load;  ///< 1 x N
  };
  std::vector<pass> passes_;  ///< of the running step
};

}  // namespace gmoe
