#pragma once
/// What killed processes leave behind.

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "gmoe/io/system_call.hpp"

namespace gmoe {

/// Removes what killed processes left of atomic_file in a folder; returns how many files that were. Files that are
/// being written, by whatever process on whatever machine, are locked and stay.
inline int remove_abandoned_files(const std::filesystem::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  if (!open) return 0;
  int removed = 0;
  const int directory = ::dirfd(open.get());
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(".gmoe-") || !name.ends_with(".tmp")) continue;
    const file_descriptor file(::openat(directory, entry->d_name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat what {};
    if (file.fd < 0 || ::fstat(file.fd, &what) != 0 || !S_ISREG(what.st_mode)) continue;
    if (::flock(file.fd, LOCK_EX | LOCK_NB) == 0 && ::unlinkat(directory, entry->d_name, 0) == 0) ++removed;
  }
  return removed;
}

}  // namespace gmoe
