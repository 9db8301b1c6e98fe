#pragma once
/// A run that was interrupted, kept so that it continues where it stopped.

#include <filesystem>
#include <functional>
#include <optional>

#include "plan.hpp"

namespace compare {

/// Two files of one run in a folder: `notes` (what has been measured so far, as JSON), which name a training
/// checkpoint. They fit together at every moment, wherever a run is killed: the checkpoint is written first, under a
/// new name.
class unfinished_run {
 public:
  /// Of the run with these settings; an empty folder keeps nothing.
  unfinished_run(std::filesystem::path folder, const json& settings);

  bool keeps() const { return !folder_.empty(); }
  /// The notes of a run that was interrupted, if there is one, after `load` was given its checkpoint.
  std::optional<json> find(const std::function<void(const std::filesystem::path&)>& load) const;
  /// Keeps a state: `save` writes the checkpoint of that step.
  void keep(std::int64_t step, json notes, const std::function<void(const std::filesystem::path&)>& save) const;
  /// The run is finished: nothing of it stays here.
  void forget() const;

 private:
  std::filesystem::path notes() const;
  std::filesystem::path checkpoint(std::int64_t step) const;

  std::filesystem::path folder_;
  std::string name_;
  json settings_;
};

}  // namespace compare
