#include "session.hpp"

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/model/registry.hpp"

namespace examples {

/// Instantiated card by card in the other files of this folder.
template <class Card>
std::unique_ptr<session> make_session_of(const session_setup& setup);

std::unique_ptr<session> make_session(const session_setup& setup) {
  return gmoe::with_card(setup.variant, [&]<class Card>() { return make_session_of<Card>(setup); });
}

parameter_counts count_parameters(const std::string& variant, const gmoe::sizes& shape) {
  return gmoe::with_card(variant, [&]<class Card>() -> parameter_counts {
    const gmoe::model_cost cost = gmoe::cost_of<Card>(shape);
    return {cost.total, cost.active, cost.multiply_adds};
  });
}

using memory_pool = gmoe::pool<gmoe::cpu<float>::memory>;

std::size_t peak_memory() { return memory_pool::instance().statistics().peak; }

void release_memory() {
  memory_pool::instance().trim();
  memory_pool::instance().reset_peak();
}

std::vector<variant_entry> all_variants() {
  std::vector<variant_entry> entries;
  for (const gmoe::card_text& t : gmoe::all_cards::texts)
    entries.push_back({std::string(t.name), std::string(t.paper), std::string(t.summary)});
  return entries;
}

}  // namespace examples
