#include "official.hpp"

#include "gmoe/io/official_save.hpp"

namespace examples {

void save_official(const std::filesystem::path& folder, gmoe::any_model<backend>& model) {
  gmoe::with_card(model.card().text().name, [&]<class Card>() {
    if constexpr (gmoe::official<Card>)
      gmoe::save_official(folder, model.as<Card>());
    else
      gmoe::check_official(model.shape(), model.card().as<Card>());  // throws
  });
}

}  // namespace examples
