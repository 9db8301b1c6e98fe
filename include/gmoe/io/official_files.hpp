#pragma once
/// Where the files of a published checkpoint lie.

#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "gmoe/core/error.hpp"
#include "gmoe/io/in_quotes.hpp"

namespace gmoe {

/// The two files of a checkpoint, for those that are not in a folder of their own.
struct official_files {
  std::filesystem::path config, weights;

  official_files(std::filesystem::path config_file, std::filesystem::path weights_file)
      : config(std::move(config_file)), weights(std::move(weights_file)) {}

  /// A checkpoint folder: config.json, and the first that is there of model.safetensors, best_checkpoint.safetensors
  /// and last_checkpoint.safetensors. Throws file_error if they are not.
  explicit official_files(const std::filesystem::path& folder) : config(folder / "config.json") {
    std::error_code ignored;
    const std::string shown = "checkpoint " + in_quotes(folder.string(), 4096);
    require<file_error>(std::filesystem::is_directory(folder, ignored), shown, ": there is no such folder");
    require<file_error>(std::filesystem::exists(config, ignored), shown, ": has no config.json");
    for (const char* name : weight_names) {
      weights = folder / name;
      if (std::filesystem::exists(weights, ignored)) return;
    }
    throw file_error(
        concat(shown, ": has no weights, expected ", weight_names[0], ", ", weight_names[1], " or ", weight_names[2]));
  }

  static constexpr std::array<const char*, 3> weight_names{"model.safetensors", "best_checkpoint.safetensors",
                                                           "last_checkpoint.safetensors"};
};

}  // namespace gmoe
