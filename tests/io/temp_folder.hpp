#pragma once
// A fresh folder for one test, removed with everything in it at the end.

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace gmoe_test {

struct temp_folder {
  std::filesystem::path path;

  temp_folder() {
    static std::atomic<int> counter{0};
    do {
      path = std::filesystem::temp_directory_path() /
             ("gmoe-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
    } while (!std::filesystem::create_directory(path));
  }
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;
  ~temp_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }

  std::filesystem::path operator/(std::string_view name) const { return path / name; }

  /// How many files lie in it.
  long count() const {
    return std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator());
  }
};

inline void spill(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What `action` says when it throws an Error, or a text that no message contains.
template <class Error, class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "<nothing was thrown>";
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace gmoe_test

// Checks that `text` contains `part`, and shows both if not.
#define CHECK_HAS(text, part)                        \
  do {                                               \
    const std::string checked_text_ = (text);        \
    CAPTURE(checked_text_);                          \
    CHECK(gmoe_test::contains(checked_text_, part)); \
  } while (false)
