#pragma once
/// A folder that one process at a time writes to.

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "gmoe/core/error.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/system_call.hpp"

namespace gmoe {

/// Holds a folder for this process: a second one gets a file_error that names it. Makes the folder if it is not there.
/// The lock, on the file .gmoe-lock in it, goes with the process, however that ends; the file stays.
class folder_lock {
 public:
  explicit folder_lock(const std::filesystem::path& folder) {
    const std::string shown = in_quotes(folder.string(), 4096);
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    require<file_error>(!failure, "cannot make the folder ", shown, ": ", failure.message());
    const std::string file = (folder / ".gmoe-lock").string();
    lock_ = file_descriptor(
        repeat_call([&] { return ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666); }));
    if (lock_.fd < 0) throw file_error(concat("cannot write in the folder ", shown, ": ", error_text(errno)));
    if (repeat_call([&] { return ::flock(lock_.fd, LOCK_EX | LOCK_NB); }) == 0) return;
    const int code = errno;
    require<file_error>(code != EWOULDBLOCK, "the folder ", shown, " is in use by another run");
    throw file_error(concat("cannot lock the folder ", shown, ": ", error_text(code)));
  }

 private:
  file_descriptor lock_;
};

}  // namespace gmoe
