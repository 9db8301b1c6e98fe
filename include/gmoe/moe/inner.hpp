#pragma once
/// Whole mixtures in a form: it holds cards as members, listed in its `fields` like numbers, and runs their mixtures.
///
///     template <class First, class Second>
///     struct sum_of_two {
///       using slot = slots::form;
///       using uses = slot_list<>;                        // the parts are those of the cards within
///       First first{};
///       Second second{};
///       static constexpr auto fields = std::tuple{field{"first", &sum_of_two::first, "one mixture"},
///                                                 field{"second", &sum_of_two::second, "the other"}};
///       template <class B>
///       variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
///         const variable<B> a = parts.mixture(&sum_of_two::first, at, x);
///         return add(a, parts.mixture(&sum_of_two::second, at, x));
///       }
///     };
///
/// A mixture within a form has what any other has, over depth too: a pool, what its policies keep, what travels from
/// layer to layer, losses, statistics. Of its card only what makes a mixture is asked, not placement, dense and
/// attention.

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "gmoe/core/field.hpp"
#include "gmoe/core/literal.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/nn/context.hpp"

namespace gmoe {

template <class Card, class B>
class moe_stack;

namespace detail {

template <class P, class T>
constexpr auto if_card(const field<P, T>& f) {
  if constexpr (is_card<T>)
    return std::tuple<field<P, T>>(f);
  else
    return std::tuple<>{};
}
/// The fields of a form that are cards, and then those of the form that it wraps.
template <class Form>
constexpr auto inner_cards() {
  const auto own = std::apply([](const auto&... f) { return std::tuple_cat(if_card(f)...); }, fields_of<Form>());
  if constexpr (wraps<Form>)
    return std::tuple_cat(own, inner_cards<std::remove_cvref_t<decltype(std::declval<Form&>().of)>>());
  else
    return own;
}
template <class Form>
inline constexpr bool holds_cards = std::tuple_size_v<decltype(inner_cards<Form>())> > 0;

}  // namespace detail

/// The card's form holds whole mixtures.
template <class Card>
constexpr bool form_holds_cards(const Card&) {
  return detail::holds_cards<answer<Card, slots::form>>;
}

namespace detail {

/// The mixtures of one card in a form.
template <class Form, class Card, class B>
struct inner_mixture {
  Card Form::*member = nullptr;
  std::string_view name;
  std::optional<moe_stack<Card, B>> stack;  ///< nothing in a model without a block with a mixture
};

/// One of them for each card, in the order of inner_cards.
template <class B, class... P, class... T>
auto inner_mixtures_of(const std::tuple<field<P, T>...>&) -> std::tuple<inner_mixture<P, T, B>...>;
template <class Form, class B>
using inner_mixtures = decltype(inner_mixtures_of<B>(inner_cards<Form>()));

/// The member of a form, or of the one that it wraps.
template <class Form, class P, class T>
constexpr auto& card_in(Form& form, const field<P, T>& f) {
  if constexpr (std::is_base_of_v<P, std::remove_const_t<Form>>)
    return form.*f.at;
  else
    return card_in(form.of, f);
}
/// Its name from there: "first", or "of.first" in a wrapper.
template <class Form, class P, class T>
std::string name_in(const field<P, T>& f) {
  if constexpr (std::is_base_of_v<P, Form>)
    return std::string(f.name);
  else
    return "of." + name_in<std::remove_cvref_t<decltype(std::declval<Form&>().of)>>(f);
}
/// visit(name, card) for each card of a form.
template <class Form>
void each_inner_card(Form& form, auto&& visit) {
  using plain = std::remove_const_t<Form>;
  std::apply([&](const auto&... f) { (visit(name_in<plain>(f), card_in(form, f)), ...); }, inner_cards<plain>());
}

/// What travels over depth in a pass: of each policy, and of the mixtures in the form.
template <class Card, class B>
struct travelling;
template <class B, class... P, class... T>
auto travelling_in(const std::tuple<field<P, T>...>&) -> std::tuple<travelling<T, B>...>;

/// What is seen of a mixture in a form, under its name: "first/router_h".
template <class B>
struct named_observer : observer<B> {
  observer<B>& to;
  std::string prefix;
  named_observer(observer<B>& all, std::string_view name) : to(all), prefix(std::string(name) + "/") {}
  void see(std::string_view what, index_t block, const matrix<B>& v) override {
    to.see(prefix + std::string(what), block, v);
  }
  void see_cut(std::string_view what, index_t block, const matrix<B>& v) override {
    to.see_cut(prefix + std::string(what), block, v);
  }
  void see_draw(std::string_view what, index_t block, const matrix<B>& v) override {
    to.see_draw(prefix + std::string(what), block, v);
  }
};

}  // namespace detail
}  // namespace gmoe
