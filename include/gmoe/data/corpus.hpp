#pragma once
/// Text to train on: the bytes of a file, or of all text files under a directory.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/data/mapped_file.hpp"

namespace gmoe {

/// A byte-level corpus; move-only, never empty.
class corpus {
 public:
  /// Reads `path`. A file is memory-mapped, whatever it holds. A directory is walked recursively: its regular files,
  /// ordered by path, are read into memory with one newline between two files. Hidden entries and files with a NUL
  /// byte in their first KiB (binaries) are left out and counted, empty files add nothing, and symbolic links to
  /// directories are not followed. Throws file_error if something cannot be read, data_error if there is no text.
  static corpus read(const std::filesystem::path& path) {
    try {
      const std::filesystem::file_status status = std::filesystem::status(path);
      require<file_error>(std::filesystem::exists(status), "corpus: ", path, " does not exist");
      if (std::filesystem::is_directory(status)) return read_directory(path);
      require<file_error>(std::filesystem::is_regular_file(status), "corpus: ", path,
                          " is neither a regular file nor a directory");
    } catch (const std::filesystem::filesystem_error& e) {
      throw file_error(concat("corpus: ", path, " cannot be read: ", e.what()));
    }
    corpus result(mapped_file{path});
    require<data_error>(!result.bytes().empty(), "corpus: ", path, " is empty; expected a file with text");
    result.files_ = 1;
    return result;
  }

  /// A corpus of a text in memory. Throws data_error if it is empty.
  static corpus from_text(std::string_view text) {
    require<data_error>(!text.empty(), "corpus: the given text is empty");
    return corpus(std::vector<std::uint8_t>(text.begin(), text.end()));
  }

  corpus(corpus&&) = default;
  corpus& operator=(corpus&&) = default;

  /// The text; valid as long as this object, or the one it was moved to, lives.
  std::span<const std::uint8_t> bytes() const {
    return text_.empty() ? mapped_.bytes() : std::span<const std::uint8_t>(text_);
  }

  index_t files() const { return files_; }                    ///< Files whose bytes are in the corpus.
  index_t hidden_skipped() const { return hidden_skipped_; }  ///< Entries whose name starts with a dot.
  index_t binary_skipped() const { return binary_skipped_; }  ///< Files with a NUL byte in their first KiB.

  /// One line for a log: "4318012 bytes from 3 files (1 hidden and 2 binary skipped)".
  std::string describe() const {
    std::string line = concat(bytes().size(), " bytes");
    if (files_ > 0) line += concat(" from ", files_, files_ == 1 ? " file" : " files");
    if (hidden_skipped_ + binary_skipped_ > 0)
      line += concat(" (", hidden_skipped_, " hidden and ", binary_skipped_, " binary skipped)");
    return line;
  }

 private:
  using buffer = std::vector<std::uint8_t>;

  explicit corpus(mapped_file mapped) : mapped_(std::move(mapped)) {}
  explicit corpus(buffer text) : text_(std::move(text)) {}

  static corpus read_directory(const std::filesystem::path& root) {
    index_t hidden = 0, binary = 0, used = 0;
    std::vector<std::filesystem::path> paths;
    for (auto it = std::filesystem::recursive_directory_iterator(root);
         it != std::filesystem::recursive_directory_iterator(); ++it) {
      if (it->path().filename().string().starts_with('.')) {
        ++hidden;
        it.disable_recursion_pending();
      } else if (it->is_regular_file()) {
        paths.push_back(it->path());
      }
    }
    std::sort(paths.begin(), paths.end());

    buffer text;
    for (const auto& path : paths) {
      const std::size_t before = text.size();
      if (before > 0) text.push_back('\n');
      const std::size_t start = text.size();
      if (!append(path, text)) ++binary;
      if (text.size() == start)
        text.resize(before);  // binary or empty: no newline either
      else
        ++used;
    }
    require<data_error>(!text.empty(), "corpus: no text under the directory ", root, ": ", paths.size(),
                        " files examined, ", binary, " of them binary, and ", hidden, " hidden entries skipped");
    corpus result(std::move(text));
    result.files_ = used;
    result.hidden_skipped_ = hidden;
    result.binary_skipped_ = binary;
    return result;
  }

  /// Appends the file to `text`, or nothing if it looks binary; returns false in that case.
  static bool append(const std::filesystem::path& path, buffer& text) {
    const mapped_file file(path);
    const std::span<const std::uint8_t> bytes = file.bytes();
    const auto head = bytes.first(std::min<std::size_t>(bytes.size(), 1024));
    if (std::find(head.begin(), head.end(), std::uint8_t{0}) != head.end()) return false;
    text.insert(text.end(), bytes.begin(), bytes.end());
    return true;
  }

  mapped_file mapped_;  // one of these holds the bytes, the other is empty
  buffer text_;
  index_t files_ = 0;
  index_t hidden_skipped_ = 0;
  index_t binary_skipped_ = 0;
};

}  // namespace gmoe
