#pragma once
/// Which cards the published checkpoint format can hold.
///
/// The format has four model types. In `gmoe` three parts can be switched off. In all of them a block without a
/// router is one bare expert, W2 relu(W1 x), so that its policy is `relu_feed_forward`.

#include <array>
#include <string_view>
#include <type_traits>

#include "gmoe/model/cards.hpp"
#include "gmoe/moe/attention/gpt2_attention.hpp"
#include "gmoe/moe/candidates/all_experts.hpp"
#include "gmoe/moe/form/one_pass.hpp"

namespace gmoe {

/// The values of `moe_type` in a config, in the order of `official_kind_names`.
enum class official_kind { gmoe, switch_, gshard, dense };

inline constexpr std::array<std::string_view, 4> official_kind_names{"gmoe", "switch", "gshard", "dense"};

constexpr std::string_view name_of(official_kind kind) { return official_kind_names[static_cast<std::size_t>(kind)]; }

namespace detail {

template <class Router>
inline constexpr bool is_global_router = false;
template <class... Parts>
inline constexpr bool is_global_router<global_router<Parts...>> = true;

}  // namespace detail

/// How a card relates to the format.
template <class Card>
struct official_card {
  using experts = answer<Card, slots::experts>;
  using body = answer<Card, slots::body>;
  using always = answer<Card, slots::always>;
  using router = answer<Card, slots::router>;
  using score = answer<Card, slots::score>;
  using select = answer<Card, slots::select>;
  using capacity = answer<Card, slots::capacity>;
  using gate = answer<Card, slots::gate>;
  using balance = answer<Card, slots::balance>;
  using placement = answer<Card, slots::placement>;
  using dense = answer<Card, slots::dense>;

  static constexpr bool has_relu_dense = std::is_same_v<dense, relu_feed_forward>;
  static constexpr bool has_local_expert = std::is_same_v<always, local_expert>;

  static constexpr official_kind kind() {
    if (std::is_same_v<placement, no_block>) return official_kind::dense;
    if (detail::is_global_router<router>) return official_kind::gmoe;
    if (std::is_same_v<gate, renormalised_scores>) return official_kind::gshard;
    return official_kind::switch_;
  }

  /// The slot whose answer the format has no word for; empty if it can hold the card.
  static constexpr std::string_view obstacle() {
    constexpr official_kind k = kind();
    if (!std::is_same_v<answer<Card, slots::attention>, gpt2_attention>) return "attention";
    if (!std::is_same_v<answer<Card, slots::norm>, layer_norms>) return "norm";
    if (!std::is_same_v<answer<Card, slots::positions>, learned_positions>) return "positions";
    if (!std::is_same_v<answer<Card, slots::head>, tied_head>) return "head";
    if (k == official_kind::dense) return has_relu_dense ? "" : "dense";
    if (!std::is_same_v<body, relu_expert>) return "body";
    if (!std::is_same_v<score, softmax_score>) return "score";
    if (!std::is_same_v<select, top_k>) return "select";
    if (!std::is_same_v<balance, switch_loss>) return "balance";
    if (!std::is_same_v<answer<Card, slots::candidates>, all_experts>) return "candidates";
    if (!std::is_same_v<answer<Card, slots::form>, one_pass>) return "form";
    if (k == official_kind::gmoe) return gmoe_obstacle();
    if (!std::is_same_v<router, linear_router>) return "router";
    if (!std::is_same_v<experts, layer_pool>) return "experts";
    if (!std::is_same_v<always, no_always>) return "always";
    constexpr bool gshard = k == official_kind::gshard;
    if (!gshard && !std::is_same_v<gate, selected_score>) return "gate";
    if (!std::is_same_v<capacity, std::conditional_t<gshard, gshard_capacity, limited_capacity>>) return "capacity";
    return "";
  }

 private:
  static constexpr std::string_view gmoe_obstacle() {
    if constexpr (detail::is_global_router<router>)
      if (router::has_logits && !router::cuts_raw) return "router";
    if (!std::is_same_v<experts, global_pool>) return "experts";
    if (!has_local_expert && !std::is_same_v<always, no_always>) return "always";
    if (!std::is_same_v<gate, selected_score>) return "gate";
    if (!std::is_same_v<capacity, no_capacity>) return "capacity";
    return "";
  }
};

/// Cards whose parameters all have an official name.
template <class Card>
concept official = official_card<Card>::obstacle()
.empty();

/// The cards of checkpoints as they are loaded: the blocks with a mixture are listed in the config.
template <bool LocalExpert = true, bool PrevLogits = true, bool RouterState = true>
using official_gmoe_card =
    with<gmoe_card, listed_blocks, relu_feed_forward, std::conditional_t<LocalExpert, local_expert, no_always>,
         std::conditional_t<RouterState,
                            std::conditional_t<PrevLogits, global_router<hidden_state, propagated_logits>,
                                               global_router<hidden_state>>,
                            std::conditional_t<PrevLogits, global_router<propagated_logits>, global_router<>>>>;
using official_switch_card = with<switch_card, listed_blocks, relu_feed_forward>;
using official_gshard_card = with<gshard_card, listed_blocks, relu_feed_forward>;
using official_dense_card = dense_relu_card;

}  // namespace gmoe
