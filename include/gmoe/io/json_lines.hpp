#pragma once
/// A log of one JSON object per line, readable while it is written.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "gmoe/core/error.hpp"
#include "gmoe/io/atomic_file.hpp"

namespace gmoe {

/// Appends objects to a file, each flushed at once.
class json_lines {
 public:
  /// Keeps the lines of an existing file for which `keep(object)` holds (those before the step that a run resumes
  /// at); a line that a crash left half-written is dropped.
  template <class Keep>
  json_lines(const std::filesystem::path& path, const Keep& keep) : path_(path) {
    std::string kept;
    if (std::ifstream old(path); old)
      for (std::string line; std::getline(old, line);) {
        const auto object = nlohmann::json::parse(line, nullptr, false);
        if (object.is_object() && keep(object)) kept += line + "\n";
      }
    atomic_write(path, kept);
    out_.open(path, std::ios::app);
    require<file_error>(out_.is_open(), path.string(), ": cannot be opened for writing");
  }

  /// Numbers that are not finite become null, as JSON has none.
  void write(const nlohmann::json& object) {
    out_ << object.dump() << std::endl;
    require<file_error>(out_.good(), path_.string(), ": could not write a line of the log (disk full?)");
  }

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace gmoe
