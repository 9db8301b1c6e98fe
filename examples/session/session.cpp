#include "session.hpp"

#include "backend_sessions.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "models.hpp"

namespace examples {

namespace {

const std::vector<backend_sessions>& all_backends() {
  static const std::vector<backend_sessions> all = [] {
    std::vector<backend_sessions> found;
    found.push_back(eigen_sessions());
#if defined(EXAMPLES_WITH_THRUST)
    found.push_back(thrust_sessions());
#endif
#if defined(EXAMPLES_WITH_CUDA)
    found.push_back(cuda_sessions());
#endif
    return found;
  }();
  return all;
}

const backend_sessions& find_backend(const std::string& name) {
  std::string known;
  for (const backend_sessions& b : all_backends()) {
    if (b.name == name) return b;
    known += (known.empty() ? "" : ", ") + std::string(b.name);
  }
  throw gmoe::config_error(
      gmoe::concat("this program was built without the backend '", name, "'; it has ", known,
                   " (configure it with -DGMOE_EXAMPLES_THRUST=ON for thrust, -DGMOE_CUDA=ON for cuda)"));
}

}  // namespace

std::unique_ptr<session> make_session(const session_setup& setup) { return find_backend(setup.backend).make(setup); }

std::vector<std::string> compiled_backends() {
  std::vector<std::string> names;
  for (const backend_sessions& b : all_backends()) names.emplace_back(b.name);
  return names;
}

std::size_t peak_memory(const std::string& backend) { return find_backend(backend).peak_memory(); }
void release_memory(const std::string& backend) { find_backend(backend).release_memory(); }

parameter_counts count_parameters(const std::string& variant, const gmoe::sizes& shape, const settings& card) {
  const gmoe::model_cost cost = card_with(variant, card).cost(shape);
  return {cost.total, cost.active, cost.multiply_adds};
}

std::string describe(const std::string& variant, const gmoe::sizes& shape, const settings& card) {
  return gmoe::describe(shape, card_with(variant, card));
}

std::string describe_briefly(const std::string& variant, const settings& card) {
  return gmoe::describe(card_with(variant, card), gmoe::detail_level::brief);
}

std::string likelihood_obstacle(const std::string& variant) { return gmoe::likelihood_obstacle(card_with(variant)); }

settings numbers_in(const gmoe::checkpoint_header& h) {
  settings all;
  for (const auto& [name, value] : h.settings) all.push_back({name, value});
  return all;
}

gmoe::checkpoint_header check_checkpoint(const std::filesystem::path& file) {
  const std::string variant = gmoe::read_checkpoint_header(file).variant;
  try {
    const gmoe::any_card own = gmoe::make_card(variant);
    gmoe::checkpoint_header h = gmoe::check_checkpoint(file, own);
    h.set_card(h.card(gmoe::in_quotes(file.string(), 4096), own));
    return h;
  } catch (const gmoe::config_error& e) {  // no such variant
    throw gmoe::file_error(gmoe::concat(gmoe::in_quotes(file.string(), 4096), ": ", e.what()));
  }
}

std::vector<variant_entry> all_variants() {
  std::vector<variant_entry> entries;
  for (const gmoe::card_text& t : gmoe::all_cards::texts)
    entries.push_back({std::string(t.name), gmoe::citation(t), std::string(t.summary)});
  return entries;
}

}  // namespace examples
