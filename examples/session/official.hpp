#pragma once
/// Official checkpoints of a model, compiled once per backend.

#include <filesystem>

#include "models.hpp"

namespace examples {

/// Writes one. Throws config_error if the format cannot hold the model.
void save_official(const std::filesystem::path& folder, gmoe::any_model<backend>& model);

}  // namespace examples
