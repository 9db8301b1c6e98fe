#pragma once
/// Cards by name: what a command line says becomes a type.
///
///     using mine = card_list<gmoe_card, switch_card, my_card>;          // instantiate only these
///     with_card<mine>("switch", [&]<class Card>() { train<Card>(); });

#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gmoe/core/error.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/model/cards.hpp"

namespace gmoe {

/// What a person reads about a card.
struct card_text {
  std::string_view name;     ///< on command lines, in tables and checkpoints
  std::string_view paper;    ///< authors and where, empty for what has no paper of its own
  std::string_view summary;  ///< one line
};

/// The text of a card. A card of your own gets one by specialising this, or has the static members `name` and, if it
/// likes, `paper` and `summary`.
template <class Card>
inline constexpr card_text text_of = [] {
  card_text text;
  if constexpr (requires { Card::name; }) text.name = Card::name;
  if constexpr (requires { Card::paper; }) text.paper = Card::paper;
  if constexpr (requires { Card::summary; }) text.summary = Card::summary;
  return text;
}();

namespace detail {
inline constexpr std::string_view gmoe_paper = "Hong & Kim, ACL 2026";
}
template <>
inline constexpr card_text text_of<dense_card>{"dense", "Radford et al. 2019",
                                               "GPT-2's feed-forward layer in every block, no mixture"};
template <>
inline constexpr card_text text_of<dense_relu_card>{"dense-relu", "",
                                                    "a dense model with the experts' body: ReLU, no biases"};
template <>
inline constexpr card_text text_of<smoe_card>{
    "smoe", "Shazeer et al., ICLR 2017", "the usual top-2 mixture: renormalised weights, no capacity, every block"};
template <>
inline constexpr card_text text_of<switch_card>{"switch", "Fedus et al., JMLR 2022",
                                                "top-1 of a private pool, limited capacity, every second block"};
template <>
inline constexpr card_text text_of<switch_shared_card>{"switch-se", "Fedus et al., JMLR 2022",
                                                       "switch with one expert more per layer that every token visits"};
template <>
inline constexpr card_text text_of<gshard_card>{
    "gshard", "Lepikhin et al., ICLR 2021",
    "top-2, random second choice, capacity for each choice; as GMoE's authors ran it"};
template <>
inline constexpr card_text text_of<gshard_paper_card>{
    "gshard-paper", "Lepikhin et al., ICLR 2021",
    "top-2, random second choice after all first ones, loss on first choices"};
template <>
inline constexpr card_text text_of<hash_card>{"hash", "Roller et al., NeurIPS 2021",
                                              "the token id decides, through a fixed table"};
template <>
inline constexpr card_text text_of<deepseek_moe_card>{"deepseek-moe", "Dai et al., ACL 2024",
                                                      "fine-grained experts, some of them shared by all tokens"};
template <>
inline constexpr card_text text_of<gmoe_card>{
    "gmoe", detail::gmoe_paper, "one pool for all layers, a local expert, a recurrent router with propagated logits"};
template <>
inline constexpr card_text text_of<gmoe_no_local_card>{"gmoe-no-local", detail::gmoe_paper,
                                                       "gmoe without the local expert"};
template <>
inline constexpr card_text text_of<gmoe_no_local_top2_card>{
    "gmoe-no-local-top2", detail::gmoe_paper, "gmoe with a second global expert instead of the local one"};
template <>
inline constexpr card_text text_of<gmoe_no_logits_card>{"gmoe-no-logits", detail::gmoe_paper,
                                                        "gmoe without logit propagation"};
template <>
inline constexpr card_text text_of<gmoe_no_state_card>{"gmoe-no-state", detail::gmoe_paper,
                                                       "gmoe without the router's hidden state"};
template <>
inline constexpr card_text text_of<gmoe_no_global_card>{"gmoe-no-global", detail::gmoe_paper,
                                                        "gmoe with a pool of its own for every layer"};
template <>
inline constexpr card_text text_of<gmoe_every_second_card>{"gmoe-every-second", detail::gmoe_paper,
                                                           "gmoe in every second block"};
template <>
inline constexpr card_text text_of<gmoe_fine_grained_card>{"gmoe-fine-grained", detail::gmoe_paper,
                                                           "gmoe with its global experts split in parts"};

/// Cards to choose from by name.
template <class... Cards>
struct card_list {
  static_assert(((!text_of<Cards>.name.empty()) && ...),
                "gmoe: a card in the list has no name; specialise text_of<card> or give it a static member `name`");
  static constexpr std::array<card_text, sizeof...(Cards)> texts{text_of<Cards>...};
};

/// Every card of the library.
using all_cards =
    card_list<dense_card, dense_relu_card, smoe_card, switch_card, switch_shared_card, gshard_card, gshard_paper_card,
              hash_card, deepseek_moe_card, gmoe_card, gmoe_no_local_card, gmoe_no_local_top2_card, gmoe_no_logits_card,
              gmoe_no_state_card, gmoe_no_global_card, gmoe_every_second_card, gmoe_fine_grained_card>;

namespace detail {

template <class First, class... Rest, class F>
decltype(auto) call_with_card(card_list<First, Rest...>, std::string_view name, F&& f) {
  if constexpr (sizeof...(Rest) > 0)
    if (name != text_of<First>.name) return call_with_card(card_list<Rest...>{}, name, std::forward<F>(f));
  return std::forward<F>(f).template operator()<First>();
}

}  // namespace detail

/// Calls f.operator()<Card>() for the card of that name and returns its result. Throws config_error for an unknown
/// name, with the nearest known one.
template <class List = all_cards, class F>
decltype(auto) with_card(std::string_view name, F&& f) {
  std::array<std::string_view, List::texts.size()> names;
  bool known = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = List::texts[i].name;
    known = known || names[i] == name;
  }
  if (!known) {
    std::string all;
    for (const std::string_view n : names) all += (all.empty() ? "" : ", ") + std::string(n);
    throw config_error(
        concat("there is no card '", name, "'; did you mean '", nearest_name(name, names), "'? Known cards: ", all));
  }
  return detail::call_with_card(List{}, name, std::forward<F>(f));
}

}  // namespace gmoe
