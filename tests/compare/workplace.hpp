#pragma once
/// A fresh folder for one test, gone afterwards.

#include <unistd.h>

#include <filesystem>
#include <string>

class workplace {
 public:
  workplace() {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("gmoe-compare-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(path_);
  }
  workplace(const workplace&) = delete;
  workplace& operator=(const workplace&) = delete;
  ~workplace() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  /// How many files a folder in here holds.
  std::ptrdiff_t files(const std::string& folder) const {
    if (!std::filesystem::exists(path_ / folder)) return 0;
    return std::distance(std::filesystem::directory_iterator(path_ / folder), std::filesystem::directory_iterator());
  }

 private:
  std::filesystem::path path_;
};
