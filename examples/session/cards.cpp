// Compiled once for all backends: cards with numbers of their own.

#include "gmoe/io/official_save.hpp"
#include "models.hpp"

namespace examples {

gmoe::any_card card_with(const std::string& variant, const settings& changes) {
  gmoe::any_card card = gmoe::make_card(variant);
  for (const setting& s : changes) gmoe::change_setting(card, s.name, s.value);
  return card;
}

std::string official_obstacle(const gmoe::any_card& card, const gmoe::sizes& s) {
  try {
    gmoe::check_official(s, card);
    return "";
  } catch (const gmoe::config_error& e) {
    return e.what();
  }
}

}  // namespace examples
