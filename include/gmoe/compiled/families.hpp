#pragma once
/// The lists of cards that are compiled once, each in a file of its own: the families of `all_cards`, and the cards of
/// official checkpoints.
///
/// `GMOE_COMPILED_CARDS(extern template, switch_cards)` says that somebody else compiles the cards of a list, so that
/// make_card only refers to them; `GMOE_COMPILED_MODELS` says the same of their models on a backend, for make_model.
/// Used outside of any namespace. See compiled/models.hpp for the processor's.

#include "gmoe/io/official_card.hpp"
#include "gmoe/model/any_model.hpp"

#define GMOE_COMPILED_CARDS(instance, list) instance gmoe::any_card gmoe::new_card<gmoe::list>(std::string_view);
#define GMOE_COMPILED_MODELS(instance, list, B)                                \
  instance std::unique_ptr<gmoe::any_model<B>> gmoe::new_model<B, gmoe::list>( \
      const gmoe::any_card&, const gmoe::sizes&, std::uint64_t, gmoe::build_mode);

// clang-format off
/// apply(instance, list) for each family; the test `floors` looks for those that were forgotten.
#define GMOE_COMPILED_FAMILIES(apply, instance) \
  apply(instance, dense_cards) \
  apply(instance, switch_cards) \
  apply(instance, gshard_cards) \
  apply(instance, deepseek_cards) \
  apply(instance, llama_cards) \
  apply(instance, gmoe_cards) \
  apply(instance, depth_cards) \
  apply(instance, pools_cards) \
  apply(instance, decisions_cards) \
  apply(instance, choosing_cards) \
  apply(instance, scoring_cards) \
  apply(instance, forms_cards) \
  apply(instance, bodies_cards) \
  apply(instance, attention_cards)
// clang-format on
/// The same for every list, with the cards of official checkpoints.
#define GMOE_COMPILED_LISTS(apply, instance) GMOE_COMPILED_FAMILIES(apply, instance) apply(instance, official_cards)
