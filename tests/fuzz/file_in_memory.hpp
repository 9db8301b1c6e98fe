#pragma once
/// Bytes as a file, for readers that take a path.

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "harness.hpp"

namespace gmoe_fuzz {

class file_in_memory {
 public:
  explicit file_in_memory(bytes content) : number_(::memfd_create("input", 0)) {
    const auto check = [](bool good) {
      if (!good) throw std::system_error(errno, std::generic_category(), "a file in memory");
    };
    check(number_ >= 0);
    for (std::size_t done = 0; done < content.size();) {
      const ssize_t written = ::write(number_, content.data() + done, content.size() - done);
      check(written > 0);
      done += static_cast<std::size_t>(written);
    }
  }
  file_in_memory(const file_in_memory&) = delete;
  file_in_memory& operator=(const file_in_memory&) = delete;
  ~file_in_memory() { ::close(number_); }

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(number_); }

 private:
  int number_;
};

inline bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

}  // namespace gmoe_fuzz
