#pragma once
/// A card whose type is chosen at run time: its text, its numbers by name, what a model of it costs.
///
///     any_card card = make_card("switch");
///     change_setting(card, "balance.alpha", "0.02");
///     const std::string text = describe(card);
///
/// The functions that take a card take an any_card too.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "gmoe/model/accounting.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/model/registry.hpp"
#include "gmoe/moe/card_reach.hpp"

namespace gmoe {

/// Whether models of the card have a mixture in that block.
template <class Card>
bool has_mixture(const Card& card, const sizes& s, index_t block) {
  return ask<hooks::has_experts>(answer_of<slots::placement>(card), nothing{}, s, block);
}

/// A parameter of a model that need not exist.
struct parameter_shape {
  std::string name;
  index_t rows = 0, cols = 0;
};

namespace detail {

/// The place of a type in a tuple.
template <class T, class Tuple>
inline constexpr std::size_t place_of = 0;
template <class T, class First, class... Rest>
inline constexpr std::size_t place_of<T, std::tuple<First, Rest...>> =
    std::is_same_v<T, First> ? 0 : 1 + place_of<T, std::tuple<Rest...>>;

/// The types of a card's answers, in the order of the slots.
template <class Card, class... Slots>
const std::type_info* const* answer_types(std::type_identity<std::tuple<Slots...>>) {
  static const std::type_info* const all[] = {&typeid(answer<Card, Slots>)...};
  return all;
}

}  // namespace detail

/// A value: a copy has numbers of its own.
class any_card {
 public:
  template <class Card>
  requires(!std::is_same_v<Card, any_card>) explicit any_card(const Card& card)
      : held_(std::make_unique<holding<Card>>(card)) {}
  any_card(const any_card& other) : held_(other.held_->copy()) {}
  any_card(any_card&&) = default;
  any_card& operator=(any_card other) {
    held_ = std::move(other.held_);
    return *this;
  }

  card_text text() const { return held_->text(); }
  /// Every number that makes a difference; the values lie in this card.
  std::vector<setting> settings() { return held_->settings(); }
  /// The card with the numbers that it has of its own.
  any_card with_own_numbers() const { return any_card(held_->anew()); }
  card_reach reach(bool training) const { return held_->reach(training); }
  std::string describe(detail_level level) const { return held_->describe(level); }
  /// Who answers what.
  std::vector<slot_answer> answers() const { return held_->answers(); }
  /// Models of it have experts to route to.
  bool has_experts() const { return held_->has_experts() || held_->form_holds_cards(); }
  /// The same, or mixtures in the form have some.
  bool has_pool() const { return held_->has_pool() || held_->form_holds_cards(); }
  bool form_holds_cards() const { return held_->form_holds_cards(); }
  bool has_mixture(const sizes& s, index_t block) const { return held_->has_mixture(s, block); }
  bool computes_shared_experts() const { return held_->computes_shared_experts(); }
  /// Of a model of these sizes, which is not made. Throws config_error if they do not fit.
  model_cost cost(const sizes& s) const { return held_->cost(s); }
  std::vector<parameter_shape> parameters(const sizes& s) const { return held_->parameters(s); }

  /// The policy P answers the slot.
  template <class Slot, class P>
  bool answers() const {
    return *held_->answer_types()[detail::place_of<Slot, slots::all>] == typeid(P);
  }

  /// The card itself. Throws config_error if it is of another type.
  template <class Card>
  const Card& as() const {
    require(held_->type() == typeid(Card), "the card ", text().name, " is no ", type_name<Card>());
    return *static_cast<const Card*>(held_->value());
  }

 private:
  struct held {
    virtual ~held() = default;
    virtual std::unique_ptr<held> copy() const = 0;
    virtual std::unique_ptr<held> anew() const = 0;
    virtual const std::type_info& type() const = 0;
    virtual const void* value() const = 0;
    virtual const std::type_info* const* answer_types() const = 0;
    virtual card_text text() const = 0;
    virtual std::vector<setting> settings() = 0;
    virtual card_reach reach(bool training) const = 0;
    virtual std::string describe(detail_level level) const = 0;
    virtual std::vector<slot_answer> answers() const = 0;
    virtual bool has_experts() const = 0;
    virtual bool has_pool() const = 0;
    virtual bool form_holds_cards() const = 0;
    virtual bool has_mixture(const sizes& s, index_t block) const = 0;
    virtual bool computes_shared_experts() const = 0;
    virtual model_cost cost(const sizes& s) const = 0;
    virtual std::vector<parameter_shape> parameters(const sizes& s) const = 0;
  };
  template <class Card>
  struct holding final : held {
    Card card;

    explicit holding(const Card& c) : card(c) {
      // What virtual functions need first is made at the end of a file, where GCC warns of cards in unnamed namespaces.
      static_assert(sizeof(language_model<Card, shapes>) > 0);
    }
    std::unique_ptr<held> copy() const override { return std::make_unique<holding>(card); }
    std::unique_ptr<held> anew() const override { return std::make_unique<holding>(Card{}); }
    const std::type_info& type() const override { return typeid(Card); }
    const void* value() const override { return &card; }
    const std::type_info* const* answer_types() const override {
      return detail::answer_types<Card>(std::type_identity<slots::all>{});
    }
    card_text text() const override { return text_of<Card>; }
    std::vector<setting> settings() override { return settings_of(card); }
    card_reach reach(bool training) const override { return reach_of_card<Card>(training); }
    std::string describe(detail_level level) const override { return gmoe::describe<Card>(card, level); }
    std::vector<slot_answer> answers() const override { return answers_of<Card>(); }
    bool has_experts() const override { return uses_slot<Card, slots::experts>; }
    bool has_pool() const override { return form_uses<Card, slots::experts> && form_uses<Card, slots::body>; }
    bool form_holds_cards() const override { return gmoe::form_holds_cards(card); }
    bool has_mixture(const sizes& s, index_t block) const override { return gmoe::has_mixture(card, s, block); }
    bool computes_shared_experts() const override { return gmoe::computes_shared_experts(card); }
    model_cost cost(const sizes& s) const override { return cost_of<Card>(s, card); }
    std::vector<parameter_shape> parameters(const sizes& s) const override {
      std::vector<parameter_shape> all;
      language_model<Card, shapes> model(s, card, 0, build_mode::shapes_only);
      for (const parameter<shapes>* p : model.parameters()) all.push_back({p->name(), p->rows(), p->cols()});
      return all;
    }
  };

  explicit any_card(std::unique_ptr<held> h) : held_(std::move(h)) {}

  std::unique_ptr<held> held_;
};

/// make_card for a list that is compiled as a whole: compiled/models.hpp declares it for those of the library.
template <class List>
any_card new_card(std::string_view name) {
  return with_card<List>(name, []<class Card>() { return any_card(Card{}); });
}

/// The card of that name. Throws config_error for an unknown one, as with_card does.
template <class List = all_cards>
any_card make_card(std::string_view name) {
  return with_family<List>(name, [&]<class Family>() { return new_card<Family>(name); });
}

// What else takes a card.

inline card_text text_of_card(const any_card& card) { return card.text(); }
inline any_card with_own_numbers(const any_card& card) { return card.with_own_numbers(); }
inline bool computes_shared_experts(const any_card& card) { return card.computes_shared_experts(); }
inline bool form_holds_cards(const any_card& card) { return card.form_holds_cards(); }
inline bool has_mixture(const any_card& card, const sizes& s, index_t block) { return card.has_mixture(s, block); }
inline card_reach reach_of_card(const any_card& card, bool training) { return card.reach(training); }
inline std::vector<setting> settings_of(any_card& card) { return card.settings(); }
inline bool has_setting(const any_card& card, std::string_view path) {
  any_card copy = card;
  for (const setting& s : copy.settings())
    if (s.path() == path) return true;
  return false;
}
inline void change_setting(any_card& card, std::string_view path, std::string_view value) {
  detail::change_setting(card.settings(), card.text().name, path, value);
}
inline model_cost cost_of(const sizes& s, const any_card& card) { return card.cost(s); }
inline std::string describe(const any_card& card, detail_level level = detail_level::with_questions) {
  return card.describe(level);
}
inline std::string describe(const sizes& s, const any_card& card) { return describe(card) + describe(card.cost(s)); }

}  // namespace gmoe
