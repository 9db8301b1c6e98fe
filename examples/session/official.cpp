#include "official.hpp"

#include "gmoe/io/official_save.hpp"

namespace examples {

void save_official(const std::filesystem::path& folder, gmoe::any_model<backend>& model) {
  gmoe::save_official(folder, model);
}

}  // namespace examples
