#pragma once
/// Official checkpoints of a model, compiled once per backend.

#include <filesystem>
#include <memory>

#include "models.hpp"

namespace examples {

/// The model of one, whatever variant it is. Throws file_error for a folder that holds none.
std::unique_ptr<gmoe::any_model<backend>> load_official(const std::filesystem::path& folder);

/// Writes one. Throws config_error if the format cannot hold the model.
void save_official(const std::filesystem::path& folder, gmoe::any_model<backend>& model);

}  // namespace examples
