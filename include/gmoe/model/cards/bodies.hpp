#pragma once
/// What experts consist of: whole matrices, or what they share with others.

#include "gmoe/model/cards/switch.hpp"
#include "gmoe/moe/always/static_expert.hpp"
#include "gmoe/moe/balance/strength_loss.hpp"
#include "gmoe/moe/body/adapted.hpp"
#include "gmoe/moe/body/adapters.hpp"
#include "gmoe/moe/body/adjugate.hpp"
#include "gmoe/moe/body/compressed.hpp"
#include "gmoe/moe/body/latent.hpp"
#include "gmoe/moe/body/multilinear.hpp"
#include "gmoe/moe/body/rank_one.hpp"
#include "gmoe/moe/body/single_units.hpp"
#include "gmoe/moe/experts/unit_pool.hpp"
#include "gmoe/moe/form/side_by_side.hpp"
#include "gmoe/moe/gate/shares_of_strength.hpp"
#include "gmoe/moe/router/clipped_router.hpp"
#include "gmoe/moe/router/intuitive_router.hpp"
#include "gmoe/moe/router/per_round.hpp"
#include "gmoe/moe/router/product_keys.hpp"
#include "gmoe/moe/score/entmax_score.hpp"
#include "gmoe/moe/score/softplus_score.hpp"
#include "gmoe/moe/select/everyone.hpp"

namespace gmoe {

/// Latent experts (Liu et al. 2025): all of a layer see a token through one projection.
struct molae_card : smoe_card {
  static constexpr card_text text{"molae", "Liu et al. 2025",
                                  "top-2 of gated experts that see a token through a projection which they share"};
  latent_expert<fn::silu> body{};
};

/// Grove (Wu et al. 2025): beside the experts, a small one for each pair of neighbours.
struct grove_card : smoe_card {
  static constexpr card_text text{"grove", "Wu et al. 2025",
                                  "top-2, and a small expert for every group that a token has an expert of",
                                  written_from::code};
  with_adjugates<relu_expert> body{};
};

/// Multilinear experts (Oldfield et al. 2024): slices of two factorised tensors, all of them active.
struct mu_moe_card : smoe_card {
  static constexpr card_text text{"mu-moe", "Oldfield et al., NeurIPS 2024",
                                  "all experts at once, as slices of a tensor that is a sum of few terms",
                                  written_from::code};
  multilinear_experts body{};
  entmax_score score{};
  everyone select{};
  selected_score gate{};
  no_balance balance{};
};

/// Compressed experts (He et al. 2025): one expert in full, a vector in place of the other.
struct compressed_experts_card : smoe_card {
  static constexpr card_text text{"compressed-experts", "He et al., EMNLP 2025 (Findings)",
                                  "top-2, of which the second is a vector that scales what the first one says",
                                  written_from::description};
  compressed_experts<relu_expert> body{};
};

/// Dynamic subspaces (Khasia 2025): a dense layer, and directions that a token adds to it.
struct subspace_card : smoe_card {
  static constexpr card_text text{"subspace", "Khasia, 2025",
                                  "a dense layer, and the two directions of a basis that say most to a token",
                                  written_from::code};
  rank_one_experts body{};
  static_expert<relu_expert> always{};
  clipped_router router{};
  softplus_score score{};
  shares_of_strength gate{};
  strength_loss balance{};
};

/// Single units (He 2024): many experts of one hidden unit, found by products of keys.
struct peer_card : smoe_card {
  static constexpr card_text text{"peer", "He 2024",
                                  "two heads, each with the 2 best of many experts of one hidden unit",
                                  written_from::description};
  unit_pool experts{};
  single_units<fn::relu> body{};
  per_round<product_keys> router{};
  side_by_side form{};
  no_balance balance{};
};

/// Vectors (Zadouri et al. 2023): a dense layer that stands still, and a mixture of vectors that scale its hidden
/// units.
struct mov_card : smoe_card {
  static constexpr card_text text{"mov", "Zadouri et al., ICLR 2024",
                                  "all experts at once, as vectors that scale the hidden units of a fixed layer",
                                  written_from::description};
  vectors_on_base<fn::relu> body{};
  everyone select{};
  selected_score gate{};
  no_balance balance{};
};

/// Adapters of low rank (Zadouri et al. 2023): a dense layer that stands still, and a mixture of what LoRA adds to it.
struct molora_card : mov_card {
  static constexpr card_text text{"molora", "Zadouri et al., ICLR 2024",
                                  "all experts at once, as products of low rank beside the matrices of a fixed layer",
                                  written_from::description};
  low_rank_on_base<fn::relu> body{};
};

/// The same with adapters of rank 1, and a router that hears what kind of text it is in (Liu et al. 2024).
struct mor1e_card : molora_card {
  static constexpr card_text text{"mor1e", "Liu et al. 2024",
                                  "all experts at once, of rank 1, weighed by token and by the kind of the text so far",
                                  written_from::description};
  low_rank_on_base<fn::relu> body{.rank = 1};
  intuitive_router router{};
};

/// Adapters beside experts (Liu et al. 2024): a mixture whose experts stand still, each with a small one that learns.
struct perft_card : smoe_card {
  static constexpr card_text text{"perft", "Liu et al. 2024",
                                  "top-2 of fixed experts, each with a small one beside it that learns",
                                  written_from::description};
  adapted_experts<relu_expert> body{};
};

using bodies_cards = card_list<molae_card, grove_card, mu_moe_card, compressed_experts_card, subspace_card, peer_card,
                               mov_card, molora_card, mor1e_card, perft_card>;
template <>
inline constexpr group_text group_of<bodies_cards>{
    "bodies", "what does an expert consist of, and what of it do others have too?"};

}  // namespace gmoe
