#include "gmoe/core/error.hpp"
#include "harness.hpp"
#include "largest_allocation.hpp"

namespace gmoe_fuzz {

std::vector<harness> harnesses() {
  std::vector<harness> all(readers().begin(), readers().end());
  all.insert(all.end(), programs().begin(), programs().end());
  return all;
}

const harness& harness_called(std::string_view name) {
  static const std::vector<harness> known = harnesses();
  std::string all;
  for (const harness& h : known) {
    if (h.name == name) return h;
    all += (all.empty() ? "" : ", ") + std::string(h.name);
  }
  throw std::invalid_argument("there is no harness '" + std::string(name) + "'; there are " + all);
}

outcome attack(const harness& h, bytes input) {
  const std::string where = std::string(h.name) + ": ";
  forget_allocations();
  outcome result = outcome::refused;
  try {
    result = h.run(input);
  } catch (const gmoe::error& e) {
    if (std::string_view(e.what()).size() < 10) throw find(where + "an error that says only '" + e.what() + "'");
  }
  if (const std::size_t most = most_in_one_piece(input.size()), asked = largest_allocation(); asked > most)
    throw find(where + "asked for " + std::to_string(asked) + " bytes in one piece for an input of " +
               std::to_string(input.size()) + ", expected at most " + std::to_string(most));
  return result;
}

}  // namespace gmoe_fuzz
