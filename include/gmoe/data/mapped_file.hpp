#pragma once
/// A file's bytes as memory: a read-only POSIX mapping, paged in on demand and shared between processes.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

#include "gmoe/core/error.hpp"

namespace gmoe {

/// A read-only mapping of one regular file; move-only. An empty file gives an empty span.
/// The file must not shrink while it is mapped: reading a page that is gone ends the process with SIGBUS.
class mapped_file {
 public:
  mapped_file() = default;  ///< Maps nothing.

  /// Maps `path`. Throws file_error if it cannot be opened or mapped, or is not a regular file.
  explicit mapped_file(const std::filesystem::path& path) {
    // O_NONBLOCK: a named pipe without a writer would otherwise block here instead of being refused below.
    const descriptor file{open_until_done(path)};
    if (file.number < 0) fail(path, "cannot be opened");
    struct stat status {};
    if (::fstat(file.number, &status) != 0) fail(path, "cannot be examined");
    require<file_error>(S_ISREG(status.st_mode), "mapped_file: ", path, " is not a regular file");
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ == 0) return;  // mmap refuses a length of zero
    void* start = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (start == MAP_FAILED) fail(path, "cannot be mapped into memory");
    start_ = start;
  }

  mapped_file(mapped_file&& other) noexcept
      : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    mapped_file taken(std::move(other));
    std::swap(start_, taken.start_);
    std::swap(size_, taken.size_);
    return *this;
  }
  ~mapped_file() {
    if (start_ != nullptr) ::munmap(start_, size_);
  }

  /// The whole file; valid as long as this object, or the one it was moved to, lives.
  std::span<const std::uint8_t> bytes() const { return {static_cast<const std::uint8_t*>(start_), size_}; }

 private:
  struct descriptor {
    int number;
    ~descriptor() {
      if (number >= 0) ::close(number);
    }
  };

  /// A signal may interrupt it on a file system of a network.
  static int open_until_done(const std::filesystem::path& path) {
    for (;;) {
      const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
      if (number >= 0 || errno != EINTR) return number;
    }
  }

  [[noreturn]] static void fail(const std::filesystem::path& path, const char* what) {
    const int reason = errno;
    throw file_error(concat("mapped_file: ", path, " ", what, ": ", std::strerror(reason)));
  }

  void* start_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace gmoe
