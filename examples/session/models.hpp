#pragma once
/// Cards and models of all variants: each of these functions is compiled once, in a file of its own.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gmoe/model/any_model.hpp"
#include "session_backend.hpp"
#include "settings.hpp"

namespace gmoe {

extern template any_card make_card<all_cards>(std::string_view);
extern template std::unique_ptr<any_model<examples::backend>> make_model<examples::backend, all_cards>(const any_card&,
                                                                                                       const sizes&,
                                                                                                       std::uint64_t);

}  // namespace gmoe

namespace examples {

/// Why models of the card and these sizes have no official checkpoint; empty if they have one.
std::string official_obstacle(const gmoe::any_card& card, const gmoe::sizes& s);

}  // namespace examples
