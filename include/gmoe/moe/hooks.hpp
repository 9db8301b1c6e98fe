#pragma once
/// The functions that policies may have, by name: how each is called, and whether a policy has anything of that name.

#include <concepts>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "gmoe/moe/settings.hpp"

namespace gmoe {

namespace hooks {

// `call` asks a policy; `clear` fails where both a policy and the bait have a member of the name, whatever it is there:
// a function, several, a template, a number, a type, or private.
#define GMOE_HOOK(function, spelling)                                                           \
  struct function {                                                                             \
    static constexpr std::string_view name = #spelling;                                         \
    template <class P, class... A>                                                              \
    static constexpr auto call(P& p, A&&... a) -> decltype(p.spelling(std::forward<A>(a)...)) { \
      return p.spelling(std::forward<A>(a)...);                                                 \
    }                                                                                           \
    struct bait {                                                                               \
      void spelling();                                                                          \
    };                                                                                          \
    template <class Both>                                                                       \
    static constexpr bool clear = requires {                                                    \
      &Both::spelling;                                                                          \
    };                                                                                          \
  }
GMOE_HOOK(total, total);
GMOE_HOOK(visible, visible);
GMOE_HOOK(width, width);
GMOE_HOOK(kind, kind);
GMOE_HOOK(home, home);
GMOE_HOOK(publish, publish);
GMOE_HOOK(make_weights, make_weights);
GMOE_HOOK(apply, operator());
GMOE_HOOK(logits, logits);
GMOE_HOOK(scores, scores);
GMOE_HOOK(choose, choose);
GMOE_HOOK(at_most, at_most);
GMOE_HOOK(experts_per_token, experts_per_token);
GMOE_HOOK(keep, keep);
GMOE_HOOK(weights, weights);
GMOE_HOOK(layer_loss, layer_loss);
GMOE_HOOK(loss, loss);
GMOE_HOOK(has_experts, has_experts);
GMOE_HOOK(make_layer, make_layer);
GMOE_HOOK(make_shared, make_shared);
GMOE_HOOK(group, group);
GMOE_HOOK(prepare, prepare);
GMOE_HOOK(after_step, after_step);
GMOE_HOOK(remember, remember);
GMOE_HOOK(before_step, before_step);
GMOE_HOOK(mask, mask);
GMOE_HOOK(columns, columns);
GMOE_HOOK(parts, parts);
GMOE_HOOK(routings, routings);
GMOE_HOOK(pool_sizes, pool_sizes);
GMOE_HOOK(cached_columns, cached_columns);
GMOE_HOOK(products, products);
GMOE_HOOK(decides, decides);
GMOE_HOOK(trains, trains);
#undef GMOE_HOOK

/// All of them.
using all = std::tuple<total, visible, width, kind, home, publish, make_weights, apply, logits, scores, choose, at_most,
                       experts_per_token, keep, weights, layer_loss, loss, has_experts, make_layer, make_shared, group,
                       prepare, before_step, after_step, remember, mask, columns, parts, routings, pool_sizes,
                       cached_columns, products, decides, trains>;

}  // namespace hooks

namespace detail {

template <class P, class Bait>
struct policy_and_bait : P, Bait {};

}  // namespace detail

/// The policy has a member of the hook's name, of whatever kind.
template <class Hook, class P>
concept has_hook = !Hook::template clear<detail::policy_and_bait<P, typename Hook::bait>>;

/// The policy or what it wraps has it.
template <class Hook, class P>
inline constexpr bool has_hook_within = has_hook<Hook, P>;
template <class Hook, wraps P>
inline constexpr bool has_hook_within<Hook, P> =
    has_hook<Hook, P> || has_hook_within<Hook, std::remove_cvref_t<decltype(std::declval<P&>().of)>>;

/// The hook can be called with these arguments.
template <class Hook, class P, class... A>
concept takes_call = requires(const P& p, A... a) {
  Hook::call(p, a...);
};

namespace detail {

struct no_answer {};

/// What `ask` returns, found without compiling any of it.
template <class Hook, class P, class My, class... A>
constexpr auto result_of_asking() {
  if constexpr (takes_call<Hook, P, A..., My>)
    return std::type_identity<decltype(Hook::call(std::declval<const P&>(), std::declval<A&>()...,
                                                  std::declval<My&>()))>{};
  else if constexpr (takes_call<Hook, P, A...>)
    return std::type_identity<decltype(Hook::call(std::declval<const P&>(), std::declval<A&>()...))>{};
  else if constexpr (wraps<P> && !has_hook<Hook, P>)
    return result_of_asking<Hook, std::remove_cvref_t<decltype(std::declval<const P&>().of)>, My, A...>();
  else
    return std::type_identity<no_answer>{};
}
template <class Hook, class P, class My, class... A>
using asked = typename decltype(result_of_asking<Hook, P, My, A...>())::type;

}  // namespace detail

/// The policy, or what it wraps, answers the hook called with A..., with or without what it keeps at the end.
template <class Hook, class P, class My, class... A>
concept answers = !std::is_same_v<detail::asked<Hook, P, My, A...>, detail::no_answer>;

/// Calls a function of a policy: with `my`, what it keeps, if it wants that; a wrapper's missing function is that of
/// the policy in its member `of`.
template <class Hook, class P, class My, class... A>
constexpr decltype(auto) ask(const P& p, My&& my, A&&... a) {
  if constexpr (takes_call<Hook, P, A&..., My&>)
    return Hook::call(p, a..., my);
  else if constexpr (takes_call<Hook, P, A&...>)
    return Hook::call(p, a...);
  else
    return ask<Hook>(p.of, my, a...);
}

}  // namespace gmoe
