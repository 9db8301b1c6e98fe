#pragma once
/// Official checkpoints of a model, compiled once per backend.

#include <filesystem>
#include <memory>

#include "models.hpp"

namespace examples {

/// The model of one, whatever variant it is. Throws file_error for a folder that holds none. (A template, as programs
/// link several backends, and the name of a function that is none does not hold what it returns.)
template <class B>
std::unique_ptr<gmoe::any_model<B>> load_official(const std::filesystem::path& folder);
extern template std::unique_ptr<gmoe::any_model<backend>> load_official(const std::filesystem::path&);

/// Writes one. Throws config_error if the format cannot hold the model.
void save_official(const std::filesystem::path& folder, gmoe::any_model<backend>& model);

}  // namespace examples
