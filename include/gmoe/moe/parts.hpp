#pragma once
/// What a form is given: the parts of one layer, composed from the answers of the card.
///
///     z = router(x)   p = score(z)   I = select(p)   I' = capacity(I)   w = gate(p, I)

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include "gmoe/moe/cached.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/expert_budget.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/routing_rule.hpp"
#include "gmoe/moe/stack_data.hpp"
#include "gmoe/ops/masked.hpp"

namespace gmoe {

template <class Card, class B>
struct detail::travelling {
  typename stack_data<Card, B>::carried_by_slot carried{};
  decltype(travelling_in<B>(inner_cards<answer<Card, slots::form>>())) inner{};
};

namespace detail {

/// What is known of a routing of `rows` rows in that layer of a mixture before anybody has chosen.
template <class B>
routing<B> new_routing(const place<B>& at, index_t rows, const one_layer& l, std::string_view mixture) {
  routing<B> r;
  r.block = at.block;
  r.layer = l.outside.moe_layer;
  r.mixture = mixture;
  r.rows_per_token = l.inside.rows_per_token;
  require(rows % r.rows_per_token == 0, "block ", at.block, ": ", rows, " rows are not ", r.rows_per_token,
          " parts of tokens each");
  r.experts = l.inside.experts;
  r.visible = l.visible;
  r.valid = at.valid.spread(rows);
  r.pool = l.inside.pool;
  return r;
}
/// The same for x, or for the rows of the layer's tokens that x has; it joins the findings.
template <class B>
routing<B>& begin_routing(const place<B>& at, const variable<B>& x, const std::optional<id_matrix<B>>& rows,
                          const one_layer& l, std::string_view mixture, bool pool_is_shared) {
  auto& all = at.found->routings;
  require(all.size() < all.capacity(), "block ", at.block, ": the form routes more often than it said");
  routing<B>& r = all.emplace_back(new_routing(at, x.rows(), l, mixture));
  for (std::size_t i = 0; i + 1 < all.size(); ++i) r.number += all[i].layer == r.layer && all[i].mixture == r.mixture;
  r.pool_is_shared = pool_is_shared;
  r.rows = rows;
  r.input = x;
  return r;
}
/// What a replay has recorded of the routing that was begun last; nothing without one.
template <class B>
const typename replay<B>::layer* recorded_choices(const place<B>& at, const routing<B>& r) {
  if (!at.replay) return nullptr;
  return &at.replay->choices(std::ssize(at.found->routings) - 1, r.input.rows(), r.experts);
}
/// Throws config_error unless there are logits for `rows` rows.
template <class B>
void check_logits(const variable<B>& z, index_t rows, index_t columns) {
  require(z.rows() == rows && z.cols() == columns, "the router returned logits of shape ", z.rows(), " x ", z.cols(),
          ", expected ", rows, " x ", columns);
}
/// Throws config_error unless the candidates are those of all rows, or of each.
template <class B>
void check_candidates(const routing<B>& r, index_t rows) {
  require(r.mask.empty() || (r.mask.cols() == r.experts && (r.mask.rows() == 1 || r.mask.rows() == rows)),
          "the candidates are ", r.mask.rows(), " x ", r.mask.cols(), ", expected 1 x ", r.experts, " or ", rows, " x ",
          r.experts);
}

/// What the score made of experts that may not be asked is nothing.
template <class B>
void take_scores(routing<B>& r, variable<B> scores) {
  r.scores = r.mask.empty() ? std::move(scores) : mask_cols(scores, r.mask);
}
template <class B>
void take_choices(routing<B>& r, const id_matrix<B>& chosen) {
  r.chosen = valid_choices(chosen, r.valid);
}
template <class B>
void take_choices(routing<B>& r, const typename replay<B>::layer& recorded) {
  take_choices(r, recorded.chosen);
  r.kept = recorded.kept;
}
/// Sorts the pairs that are kept, as a rule has them, and that fit into the budget where there is one.
template <class B>
void sort_pairs(const place<B>& at, routing<B>& r) {
  if (at.rule) change_kept(*at.rule, at, r);
  if (at.budget) keep_within(*at.budget, at, r);
  r.pairs = sort_by_expert(r.kept, r.experts, {at.block, r.chosen, r.rows.value_or(id_matrix<B>())});
}
/// The place of the rows that a routing has.
template <class B>
place<B> where_routed(const place<B>& at, const routing<B>& r) {
  if (r.rows) return at.of_rows(*r.rows);
  return r.rows_per_token == 1 ? at : at.of_parts(r.rows_per_token);
}

}  // namespace detail

#define GMOE_FORM_USES(slot)                  \
  static_assert(form_uses<Card, slots::slot>, \
                "gmoe: the card's form asks for '" #slot "', which is not in the list of slots that it `uses`")

/// One layer in one pass.
template <class Card, class B>
class moe_parts {
  using data = detail::stack_data<Card, B>;
  using travelling = detail::travelling<Card, B>;

 public:
  moe_parts(const data& stack, travelling& over_depth, index_t layer)
      : stack_(stack), travelling_(over_depth), layer_(layer), l_(stack.layers[static_cast<std::size_t>(layer)]) {}

  /// The layer as its parts see it.
  const layer_shape& shape() const { return l_.inside; }
  /// The layer as the form takes and gives it.
  const layer_shape& outside() const { return l_.outside; }

  /// The router's logits, T x N, or as many columns as the score or the form ask for.
  variable<B> logits(const place<B>& at, const variable<B>& x) {
    GMOE_FORM_USES(router);
    variable<B> z = ask<hooks::logits>(policy<slots::router>(), my<slots::router>(at), at, x);
    detail::check_logits(z, x.rows(), l_.inside.columns);
    return z;
  }
  /// Who goes where: router, score, selection, capacity, gate, in this order. The routing stays in the findings.
  const routing<B>& route(const place<B>& at, const variable<B>& x) {
    const index_t parts = l_.inside.rows_per_token;
    return parts == 1 ? routed(at, x, {}) : routed(at.of_parts(parts), x, {});
  }
  /// The same for some rows of the layer's tokens, by their numbers (1 x R), which x has: R may be 0. Others do not
  /// take part: they neither compete for experts nor count in a balance loss or statistic.
  const routing<B>& route(const place<B>& at, const variable<B>& x, const id_matrix<B>& rows) {
    static_assert(
        data::routes_any_rows,
        "gmoe: a form that routes some of the rows needs policies that look at the token alone or at all that "
        "are routed: none, from router to balance, may carry something from layer to layer or look at the "
        "token's sequence");
    require(rows.size() == x.rows(), "block ", at.block, ": ", rows.size(), " rows are to be routed, but x has ",
            x.rows());
    require(l_.inside.rows_per_token == 1, "block ", at.block,
            ": a form routes some of its tokens, or parts of all of them, not both");
    return routed(at.of_rows(rows), x, rows);
  }

 private:
  const routing<B>& routed(const place<B>& at, const variable<B>& x, const std::optional<id_matrix<B>>& rows) {
    GMOE_FORM_USES(score);
    GMOE_FORM_USES(select);
    routing<B>& r = detail::begin_routing(at, x, rows, l_, stack_.mixture, data::layers_share_experts);
    const auto* const recorded = detail::recorded_choices(at, r);
    r.logits = logits(at, x);
    if constexpr (data::template has<hooks::mask, slots::candidates, const place<B>&, const routing<B>&>) {
      r.mask = ask<hooks::mask>(policy<slots::candidates>(), my<slots::candidates>(at), at, r);
      detail::check_candidates(r, x.rows());
    }
    detail::take_scores(r, ask<hooks::scores>(policy<slots::score>(), my<slots::score>(at), at, r));
    if (recorded) {
      detail::take_choices(r, *recorded);
    } else {
      detail::take_choices(r, ask<hooks::choose>(policy<slots::select>(), my<slots::select>(at), at, r));
      if (at.rule) detail::change_chosen(*at.rule, at, r);
      if constexpr (form_uses<Card, slots::capacity>)
        r.kept = ask<hooks::keep>(policy<slots::capacity>(), my<slots::capacity>(at), at, r);
      else
        r.kept = r.chosen;
    }
    if constexpr (data::template has<hooks::weights, slots::gate, const place<B>&, const routing<B>&>)
      r.weights = ask<hooks::weights>(policy<slots::gate>(), my<slots::gate>(at), at, r);
    detail::sort_pairs(at, r);
    remember<slots::router, slots::candidates, slots::score, slots::select, slots::capacity, slots::gate,
             slots::balance>(at, r);
    if constexpr (!data::balance_reads_input) r.input = {};
    return r;
  }

 public:
  /// Rows to experts as the form decides itself: row t goes to those in row t of `chosen` (T x K), with weight 1. There
  /// are neither logits nor scores, and it is not among the findings: no token has chosen anybody.
  routing<B> assign(const place<B>& at, const id_matrix<B>& chosen) {
    GMOE_FORM_USES(experts);
    assigned_ = true;
    routing<B> r = detail::new_routing(at, chosen.rows(), l_, stack_.mixture);
    r.pool_is_shared = data::layers_share_experts;
    detail::take_choices(r, chosen);
    r.kept = r.chosen;
    detail::sort_pairs(at, r);
    return r;
  }
  /// What every token gets besides, or nothing.
  variable<B> always(const place<B>& at, const variable<B>& x, const routing<B>& r) {
    GMOE_FORM_USES(always);
    if constexpr (data::template has<hooks::apply, slots::always, const place<B>&, const variable<B>&,
                                     const routing<B>&>) {
      const auto answered = [&](const place<B>& here) {
        return ask<hooks::apply>(policy<slots::always>(), my<slots::always>(here), here, x, r);
      };
      variable<B> y = r.rows_per_token == 1 ? answered(at) : answered(at.of_parts(r.rows_per_token));
      if (y) at.observe("always_out", y);
      return y;
    } else {
      return {};
    }
  }
  /// sum over the kept pairs of w_e E_e(x)
  variable<B> experts(const place<B>& at, const variable<B>& x, const routing<B>& r) {
    GMOE_FORM_USES(experts);
    GMOE_FORM_USES(body);
    const detail::own_weights<typename data::weights> mine{*stack_.weights_of_experts};
    variable<B> y = ask<hooks::apply>(policy<slots::body>(), mine, detail::where_routed(at, r), x, r);
    at.observe("routed_out", y);
    return y;
  }

  /// The mixture of a card that the form holds: `parts.mixture(&in_series::first, at, x)`. It sees the layer as the
  /// form's other parts do; what it finds is in the findings under its name.
  template <class Form, class Inner>
  variable<B> mixture(Inner Form::*card, const place<B>& at, const variable<B>& x) {
    static_assert(is_card<Inner>, "gmoe: parts.mixture() takes a member of the form that is a card");
    variable<B> y;
    const auto run_if_it_is = [&](const auto& m, auto& over_depth) {
      if constexpr (std::is_same_v<decltype(m.member), Inner Form::*>)
        if (m.member == card) y = run(m, over_depth, at, x);
    };
    std::apply(
        [&](const auto&... m) {
          std::apply([&](auto&... over_depth) { (run_if_it_is(m, over_depth), ...); }, travelling_.inner);
        },
        stack_.inner);
    return y;
  }

  /// The form itself.
  variable<B> operator()(const place<B>& at, const variable<B>& x) {
    const std::size_t before = at.found->routings.size();
    variable<B> y = ask<hooks::apply>(policy<slots::form>(), my<slots::form>(at), at, *this, x);
    if constexpr (form_uses<Card, slots::balance> && has_balance<Card>)
      require(!assigned_ || at.found->routings.size() > before, "block ", at.block,
              ": the balance loss reads scores, but the form assigns experts without any; its card takes no_balance");
    at.observe("moe_out", y);
    return y;
  }

 private:
  template <class Slot>
  const answer<Card, Slot>& policy() const {
    return stack_.template policy<Slot>();
  }
  template <class Slot>
  auto my(const place<B>& at) {
    const auto& kept = stack_.kept.template at<Slot>();
    using cached = typename std::remove_cvref_t<decltype(kept)>::cached;
    return kept.my(layer_, travelling_.carried.template at<Slot>(), memories_.of<cached>(&kept, layer_, at));
  }
  template <class Form, class Inner>
  variable<B> run(const detail::inner_mixture<Form, Inner, B>& m, detail::travelling<Inner, B>& over_depth,
                  const place<B>& at, const variable<B>& x) {
    const auto& stack = m.stack->data_;
    const detail::one_layer& l = stack.layers[static_cast<std::size_t>(layer_)];
    require(x.cols() == l.outside.d_model, "block ", at.block, ": the mixture '", stack.mixture, "' takes rows of ",
            l.outside.d_model, " numbers, but got ", x.cols());
    place<B> within{at, l.inside, at.found, at.residual};
    within.mixture = stack.mixture;
    within.random = at.random.fork(m.name);
    if (!at.observer) return moe_parts<Inner, B>(stack, over_depth, layer_)(within, x);
    detail::named_observer<B> named(*at.observer, m.name);
    within.observer = &named;
    return moe_parts<Inner, B>(stack, over_depth, layer_)(within, x);
  }

  /// Tells the policies that want to hear it what became of them.
  template <class... Slots>
  void remember(const place<B>& at, const routing<B>& r) {
    const auto tell = [&]<class Slot>(Slot) {
      if constexpr (has_hook_within<hooks::remember, answer<Card, Slot>>)
        ask<hooks::remember>(policy<Slot>(), my<Slot>(at), at, r);
    };
    (tell(Slots{}), ...);
  }

  const data& stack_;
  travelling& travelling_;
  open_memories memories_;
  index_t layer_;
  const detail::one_layer& l_;
  bool assigned_ = false;  ///< the form has decided itself
};

#undef GMOE_FORM_USES

}  // namespace gmoe
