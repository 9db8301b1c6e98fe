#pragma once
/// Routers that layers share, and what travels between them: PathMoE and its controls, Omni-Router, RMoE.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/always/scaled_always.hpp"
#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/gate/scaled_gate.hpp"
#include "gmoe/moe/router/by_block.hpp"
#include "gmoe/moe/router/cosine_router.hpp"
#include "gmoe/moe/router/frozen.hpp"
#include "gmoe/moe/router/low_rank_router.hpp"
#include "gmoe/moe/router/narrow.hpp"
#include "gmoe/moe/router/once_per_block.hpp"
#include "gmoe/moe/router/recurrent_router.hpp"

namespace gmoe {

namespace detail {
inline constexpr std::string_view path_moe_paper = "Gu et al. 2026";
}

/// PathMoE (Gu et al. 2026): neighbouring layers share their router, so that tokens take fewer paths.
struct path_moe_card : smoe_card {
  static constexpr card_text text{"path-moe", detail::path_moe_paper,
                                  "a router per block of four layers, private experts, no balance loss"};
  by_block<linear_router> router{};
  no_balance balance{};
};
struct path_cosine_card : path_moe_card {
  static constexpr card_text text{"path-cosine", detail::path_moe_paper,
                                  "path-moe with cosine routers in a space of few dimensions"};
  by_block<cosine_router> router{};
};
struct low_rank_moe_card : path_moe_card {
  static constexpr card_text text{"low-rank-moe", detail::path_moe_paper,
                                  "a router of all layers, and a term of low rank for each", written_from::description};
  low_rank_router router{};
};
struct mono_block_card : path_moe_card {
  static constexpr card_text text{"mono-block", detail::path_moe_paper,
                                  "the first of four layers decides for all of them", written_from::description};
  once_per_block<linear_router> router{};
};
struct random_router_card : path_moe_card {
  static constexpr card_text text{"random-router", detail::path_moe_paper, "routers that stay as they began"};
  frozen<linear_router> router{};
};

/// Omni-Router (Gu et al. 2025): expert i is asked for the same reason in every layer.
struct omni_router_card : switch_card {
  static constexpr card_text text{"omni-router", "Gu et al. 2025", "one router for all layers, top-1, private experts"};
  by_block<linear_router> router{.block = 0};
  no_capacity capacity{};
  every_block placement{};
};

/// RMoE (Qiu et al. 2024): a narrow recurrent state over depth, balanced over all layers together.
struct rmoe_card : smoe_card {
  static constexpr card_text text{"rmoe", "Qiu et al., ICLR 2025",
                                  "a GRU over depth between private projections and private heads", written_from::code};
  narrow<recurrent_router<>> router{};
  joint_switch_loss balance{.alpha = 0.001};
};
struct rmoe_plain_card : rmoe_card {
  static constexpr card_text text{"rmoe-plain", "Qiu et al., ICLR 2025", "rmoe with a plain recurrent cell",
                                  written_from::code};
  narrow<recurrent_router<nn::rnn_cell>> router{};
};
struct rmoe_shared_card : rmoe_card {
  static constexpr card_text text{"rmoe-shared", "Qiu et al., ICLR 2025",
                                  "rmoe, half of every layer from one expert for all tokens", written_from::code};
  scaled_always<local_expert> always{};
  scaled_gate<renormalised_scores> gate{};
};

using depth_cards = card_list<path_moe_card, path_cosine_card, low_rank_moe_card, mono_block_card, random_router_card,
                              omni_router_card, rmoe_card, rmoe_plain_card, rmoe_shared_card>;
template <>
inline constexpr group_text group_of<depth_cards>{
    "depth", "what do routers share over the layers, and what do they remember of them?"};

}  // namespace gmoe
