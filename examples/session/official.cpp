#include "official.hpp"

#include "gmoe/io/official.hpp"

namespace examples {

std::unique_ptr<gmoe::any_model<backend>> load_official(const std::filesystem::path& folder) {
  return gmoe::with_official_model<backend>(
      folder, []<class Card>(gmoe::language_model<Card, backend>& model) -> std::unique_ptr<gmoe::any_model<backend>> {
        return std::make_unique<gmoe::model_of<Card, backend>>(std::move(model));
      });
}

void save_official(const std::filesystem::path& folder, gmoe::any_model<backend>& model) {
  gmoe::with_card(model.card().text().name, [&]<class Card>() {
    if constexpr (gmoe::official<Card>)
      gmoe::save_official(folder, model.as<Card>());
    else
      gmoe::check_official(model.shape(), model.card().as<Card>());  // throws
  });
}

}  // namespace examples
