#include "official.hpp"

#include "gmoe/io/official.hpp"

namespace examples {

template <class B>
std::unique_ptr<gmoe::any_model<B>> load_official(const std::filesystem::path& folder) {
  return gmoe::load_official<B>(folder);
}
template std::unique_ptr<gmoe::any_model<backend>> load_official(const std::filesystem::path&);

void save_official(const std::filesystem::path& folder, gmoe::any_model<backend>& model) {
  gmoe::save_official(folder, model);
}

}  // namespace examples
