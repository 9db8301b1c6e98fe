#pragma once
/// Files that appear whole or not at all: a reader, or a crash, never meets half a checkpoint.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "gmoe/core/error.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/system_call.hpp"

namespace gmoe {

/// A new version of the file `target`, written beside it and put in its place by `commit`. Every failure is a
/// file_error; without a commit the old file stays as it was and the new version is removed.
///
/// The directory must exist. An existing file's permissions are kept; a symbolic link at `target` is replaced, not
/// followed. Use `atomic_write` unless the bytes come from several places. A process that is killed leaves the
/// unfinished version behind, as .gmoe-*.tmp: see `remove_abandoned_files`.
class atomic_file {
 public:
  explicit atomic_file(const std::filesystem::path& target)
      : name_(target.filename().string()), shown_(in_quotes(target.string(), 4096)) {
    require<file_error>(!name_.empty() && name_ != "." && name_ != "..", "cannot write ", shown_, ": no file name");
    const std::filesystem::path parent = target.has_parent_path() ? target.parent_path() : ".";
    directory_.fd = repeat_call([&] { return ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (directory_.fd < 0) fail("open its directory", errno);

    struct stat old {};
    const bool exists = ::fstatat(directory_.fd, name_.c_str(), &old, 0) == 0;
    if (!exists && errno != ENOENT) fail("examine the old file", errno);
    // Renaming over a device or a pipe would destroy it.
    require<file_error>(!exists || S_ISREG(old.st_mode), "cannot write ", shown_, ": it exists and is not a file");

    create();
    // Best effort: where permissions cannot be set, the contents still matter more.
    if (exists && ::fchmod(file_.fd, old.st_mode & 07777) != 0) errno = 0;
  }

  atomic_file(const atomic_file&) = delete;
  atomic_file& operator=(const atomic_file&) = delete;
  ~atomic_file() {
    if (!temporary_.empty()) ::unlinkat(directory_.fd, temporary_.c_str(), 0);
  }

  /// Appends bytes to the new version.
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t chunk = std::min(bytes.size(), std::size_t{1} << 30);  // one call moves at most 2 GiB
      const ssize_t written = repeat_call([&] { return ::write(file_.fd, bytes.data(), chunk); });
      if (written < 0) fail("write", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Puts the new version in the place of the old, and returns once both survive a loss of power. Once, last.
  void commit() {
    if (repeat_call([&] { return ::fsync(file_.fd); }) != 0) fail("flush to disk", errno);
    if (::renameat(directory_.fd, temporary_.c_str(), directory_.fd, name_.c_str()) != 0) fail("replace", errno);
    temporary_.clear();
    ::close(std::exchange(file_.fd, -1));  // all is on the disk; before the renaming it would have unlocked the file
    // The new file is in place; some file systems cannot flush a directory and say so by EINVAL.
    if (repeat_call([&] { return ::fsync(directory_.fd); }) != 0 && errno != EINVAL)
      fail("flush the directory of", errno);
  }

 private:
  /// Makes the temporary file. It stays locked while it is open: that it is not tells that its writer has died.
  void create() {
    static std::atomic<unsigned> counter{0};
    for (;;) {
      temporary_ = concat(".gmoe-", ::getpid(), "-", counter++, ".tmp");
      file_.fd = repeat_call(
          [&] { return ::openat(directory_.fd, temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
      if (file_.fd < 0 && errno == EEXIST) continue;
      if (file_.fd < 0) {
        const int code = errno;
        temporary_.clear();
        fail("create a temporary file in its directory", code);
      }
      // Where files cannot be locked nobody can take it for abandoned. Where somebody did, before the lock: another
      // one.
      const bool taken = ::flock(file_.fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
      struct stat now {};
      if (::fstat(file_.fd, &now) != 0) {
        const int code = errno;
        ::unlinkat(directory_.fd, temporary_.c_str(), 0);  // nobody else will: this object does not come to be
        fail("examine its new version", code);
      }
      if (!taken && now.st_nlink > 0) return;
      ::close(std::exchange(file_.fd, -1));
    }
  }

  [[noreturn]] void fail(const char* what, int code) const {
    throw file_error(concat("cannot write ", shown_, ": failed to ", what, ": ", error_text(code)));
  }

  std::string name_, shown_, temporary_;
  file_descriptor directory_, file_;
};

/// Replaces the file at `path` by what `fill(atomic_file&)` writes. Whatever `fill` throws leaves the old file.
template <std::invocable<atomic_file&> Fill>
void atomic_write(const std::filesystem::path& path, Fill&& fill) {
  atomic_file file(path);
  std::forward<Fill>(fill)(file);
  file.commit();
}

/// Replaces the file at `path` by `text`.
inline void atomic_write(const std::filesystem::path& path, std::string_view text) {
  atomic_write(path, [text](atomic_file& file) { file.write(text); });
}

}  // namespace gmoe
