#pragma once
/// Cards and models of all variants, compiled once: on the processor they are the library's own.

#include <string>

#include "session_backend.hpp"
#include "settings.hpp"

#if defined(EXAMPLES_THRUST)
#include "gmoe/compiled/families.hpp"
#define EXAMPLES_MODELS(instance, list) GMOE_COMPILED_MODELS(instance, list, examples::backend)
GMOE_COMPILED_LISTS(GMOE_COMPILED_CARDS, extern template)
GMOE_COMPILED_LISTS(EXAMPLES_MODELS, extern template)
#else
#include "gmoe/compiled/models.hpp"
#endif

namespace examples {

/// Why models of the card and these sizes have no official checkpoint; empty if they have one.
std::string official_obstacle(const gmoe::any_card& card, const gmoe::sizes& s);

}  // namespace examples
