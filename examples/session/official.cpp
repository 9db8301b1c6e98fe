#include "official.hpp"

#include "gmoe/io/official.hpp"

namespace examples {

std::unique_ptr<gmoe::any_model<backend>> load_official(const std::filesystem::path& folder) {
  return gmoe::load_official<backend>(folder);
}

void save_official(const std::filesystem::path& folder, gmoe::any_model<backend>& model) {
  gmoe::save_official(folder, model);
}

}  // namespace examples
