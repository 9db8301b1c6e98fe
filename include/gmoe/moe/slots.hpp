#pragma once
/// The slots: the questions that a mixture of experts answers.

#include <string_view>
#include <tuple>
#include <type_traits>

namespace gmoe {

// What a card answers that says nothing about these.
struct all_experts;
struct one_pass;
struct gpt2_attention;
struct layer_norms;
struct learned_positions;
struct tied_head;

namespace slots {

// A slot knows its name, its question, and where a card has the answer.
#define GMOE_SLOT(slot, asks)                                      \
  static constexpr std::string_view name = #slot, question = asks; \
  template <class Card>                                            \
  static constexpr auto of(Card& card)->decltype((card.slot)) {    \
    return (card.slot);                                            \
  }                                                                \
  template <class Card>                                            \
  using declared = decltype(&Card::slot)

struct experts {
  GMOE_SLOT(experts, "who are the routed experts, which layers share them?");
};
struct body {
  GMOE_SLOT(body, "what does one expert compute?");
};
struct always {
  GMOE_SLOT(always, "what does every token get besides?");
};
struct router {
  GMOE_SLOT(router, "how are tokens scored against experts?");
};
struct candidates {
  GMOE_SLOT(candidates, "which experts may a token ask?");
  using otherwise = all_experts;
};
struct score {
  GMOE_SLOT(score, "how do router logits become scores?");
};
struct select {
  GMOE_SLOT(select, "which scores become assignments?");
};
struct capacity {
  GMOE_SLOT(capacity, "what if an expert is asked by too many?");
};
struct gate {
  GMOE_SLOT(gate, "with which weight?");
};
struct balance {
  GMOE_SLOT(balance, "what keeps the load even?");
};
struct placement {
  GMOE_SLOT(placement, "in which blocks?");
};
struct dense {
  GMOE_SLOT(dense, "what do the other blocks compute?");
};
struct form {
  GMOE_SLOT(form, "how do the parts make a layer?");
  using otherwise = one_pass;
};
struct attention {
  GMOE_SLOT(attention, "how do tokens see each other?");
  using otherwise = gpt2_attention;
};
struct norm {
  GMOE_SLOT(norm, "how are rows brought to one size?");
  using otherwise = layer_norms;
};
struct positions {
  GMOE_SLOT(positions, "how does a row know where its token stands?");
  using otherwise = learned_positions;
};
struct head {
  GMOE_SLOT(head, "what are logits made with?");
  using otherwise = tied_head;
};
#undef GMOE_SLOT

/// Every slot, in the order in which cards list them.
using all = std::tuple<experts, body, always, router, candidates, score, select, capacity, gate, balance, placement,
                       dense, form, attention, norm, positions, head>;

/// Those of the language model around the mixtures, which all of its blocks have.
template <class Slot>
inline constexpr bool is_of_backbone = std::is_same_v<Slot, attention> || std::is_same_v<Slot, norm> ||
                                       std::is_same_v<Slot, positions> || std::is_same_v<Slot, head>;

}  // namespace slots

/// A list of slots: `using uses = slot_list<slots::experts, slots::body, slots::router>;`.
template <class... Slots>
struct slot_list {};

namespace slots {

/// Those whose policies a form may use: the parts of a layer.
using parts_of_a_layer = slot_list<experts, body, always, router, candidates, score, select, capacity, gate, balance>;

}  // namespace slots

/// A type that fills a slot.
template <class P>
concept policy = requires {
  typename P::slot;
};

/// A policy around another one of its slot, in its member `of`.
template <class P>
concept wraps = requires(const P& p) {
  typename std::remove_cvref_t<decltype(p.of)>::slot;
};

/// Answers a slot that the card's form does not use, where the card cannot leave the member out since it derives from
/// one that has it: `unused<slots::capacity> capacity{};`.
template <class Slot>
struct unused {
  using slot = Slot;
  static constexpr bool none = true;
};

/// Calls f(slot) for every slot.
constexpr void for_each_slot(auto&& f) {
  [&]<class... S>(std::type_identity<std::tuple<S...>>) { (f(S{}), ...); }(std::type_identity<slots::all>{});
}

}  // namespace gmoe
