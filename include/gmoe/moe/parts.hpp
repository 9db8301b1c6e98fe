#pragma once
/// What a form is given: the parts of one layer, composed from the answers of the card.
///
///     z = router(x)   p = score(z)   I = select(p)   I' = capacity(I)   w = gate(p, I)

#include <concepts>
#include <utility>

#include "gmoe/moe/card.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/stack_data.hpp"

namespace gmoe {

/// One layer in one pass.
template <class Card, class B>
class moe_parts {
  using data = detail::stack_data<Card, B>;
  using carried = typename data::carried_by_slot;

 public:
  moe_parts(const data& stack, carried& travelling, index_t layer)
      : stack_(stack), carried_(travelling), layer_(layer), l_(stack.layers[static_cast<std::size_t>(layer)]) {}

  const layer_shape& shape() const { return l_.shape; }

  /// The router's logits, T x N or what the score asks for.
  variable<B> logits(const place<B>& at, const variable<B>& x) {
    return ask<hooks::logits>(policy<slots::router>(), my<slots::router>(), at, x);
  }
  /// Who goes where: router, score, selection, capacity, gate, in this order. The routing stays in the findings.
  const routing<B>& route(const place<B>& at, const variable<B>& x) {
    auto& all = at.found->routings;
    require(all.size() < all.capacity(), "block ", at.block, ": the form routes more often than it said");
    const auto number = static_cast<index_t>(all.size());
    const auto* const recorded = at.replay ? &at.replay->choices(number, x.rows(), l_.shape.experts) : nullptr;
    routing<B>& r = all.emplace_back();
    r.block = at.block;
    r.layer = layer_;
    r.experts = l_.shape.experts;
    r.visible = l_.visible;
    r.pool_is_shared = data::layers_share_experts;
    r.logits = logits(at, x);
    require(r.logits.rows() == x.rows() && r.logits.cols() == r.experts, "the router returned logits of shape ",
            r.logits.rows(), " x ", r.logits.cols(), ", expected ", x.rows(), " x ", r.experts);
    r.scores = ask<hooks::scores>(policy<slots::score>(), my<slots::score>(), at, r);
    r.chosen = recorded ? recorded->chosen : ask<hooks::choose>(policy<slots::select>(), my<slots::select>(), at, r);
    r.kept = recorded ? recorded->kept : ask<hooks::keep>(policy<slots::capacity>(), my<slots::capacity>(), at, r);
    if constexpr (data::template has<hooks::weights, slots::gate, const place<B>&, const routing<B>&>)
      r.weights = ask<hooks::weights>(policy<slots::gate>(), my<slots::gate>(), at, r);
    r.pairs = sort_by_expert(r.kept, r.experts);
    return r;
  }
  /// What every token gets besides, or nothing.
  variable<B> always(const place<B>& at, const variable<B>& x, const routing<B>& r) {
    if constexpr (data::template has<hooks::apply, slots::always, const place<B>&, const variable<B>&,
                                     const routing<B>&>) {
      variable<B> y = ask<hooks::apply>(policy<slots::always>(), my<slots::always>(), at, x, r);
      if (y) at.observe("always_out", y);
      return y;
    } else {
      return {};
    }
  }
  /// sum over the kept pairs of w_e E_e(x)
  variable<B> experts(const place<B>& at, const variable<B>& x, const routing<B>& r) {
    const detail::own_weights<typename data::weights> mine{*stack_.weights_of_experts};
    variable<B> y = ask<hooks::apply>(policy<slots::body>(), mine, at, x, r);
    at.observe("routed_out", y);
    return y;
  }

  /// The form itself.
  variable<B> operator()(const place<B>& at, const variable<B>& x) {
    variable<B> y = ask<hooks::apply>(policy<slots::form>(), my<slots::form>(), at, *this, x);
    at.observe("moe_out", y);
    return y;
  }

 private:
  template <class Slot>
  const answer<Card, Slot>& policy() const {
    return stack_.template policy<Slot>();
  }
  template <class Slot>
  auto my() {
    return stack_.kept.template at<Slot>().my(layer_, carried_.template at<Slot>());
  }

  const data& stack_;
  carried& carried_;
  index_t layer_;
  const typename data::one_layer& l_;
};

}  // namespace gmoe
