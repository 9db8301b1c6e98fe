#pragma once
/// Finished runs, kept in a folder: one file per variant, seed and settings. A comparison that is started again takes
/// them from there.

#include <filesystem>
#include <optional>

#include "plan.hpp"

namespace compare {

class run_store {
 public:
  /// Creates the folder if need be; an empty path keeps nothing. Throws file_error if nothing can be written there.
  explicit run_store(std::filesystem::path folder);

  /// The result of exactly this run, if there is one. A file that is there but no result of ours, whole and in range,
  /// is a file_error that names file and field; it is not overwritten.
  std::optional<json> find(const run_plan& plan, const split_text& text) const;
  /// Keeps a result, atomically.
  void keep(const json& result) const;

  /// How many of the folder's results have a form of earlier versions, which kept other numbers: they are never found.
  index_t earlier_results() const;

  /// Seconds per step of a plan, whatever its number of steps: measured once and kept, so that an interrupted
  /// comparison continues with the same numbers.
  double seconds_per_step(const run_plan& plan, const split_text& text) const;

  bool keeps() const { return !folder_.empty(); }
  const std::filesystem::path& folder() const { return folder_; }
  /// The folder of interrupted runs (unfinished.hpp); empty if nothing is kept.
  std::filesystem::path unfinished() const { return keeps() ? folder_ / "unfinished" : folder_; }

 private:
  std::filesystem::path file_of(const json& settings) const;

  std::filesystem::path folder_;
};

/// Throws file_error, naming the file, unless a file can be written at `path`; makes its folder if need be. The file
/// itself is not touched.
void check_writable(const std::filesystem::path& path);

}  // namespace compare
