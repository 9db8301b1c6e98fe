// A library for LD_PRELOAD under which one call of the system fails that a program makes:
//
//     GMOE_FAULT=write:12:ENOSPC        the 12th write of main fails with this errno
//     GMOE_FAULT=write:12+:ENOSPC       so do all that follow, as on a disk that stays full
//     GMOE_FAULT=write:12:short         it does half of what it was asked for
//     GMOE_FAULT=write@.log:2:EIO       the second write of a file whose path has ".log" in it
//     GMOE_FAULT_LOG=FILE               at the end, how many calls of each kind there were; and the one that failed
//
// Kinds are those of `kind` below; mmap is that of files. What happens before main, as libraries are loaded, does not
// count.

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

// NOLINTBEGIN: these are the names of others

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

enum kind { write_, read_, open_, rename_, fsync_, mmap_, stat_, mkdir_, flock_, allocation_, kinds };
constexpr const char* names[kinds] = {"write", "read", "open",  "rename", "fsync",
                                      "mmap",  "stat", "mkdir", "flock",  "allocation"};
constexpr struct {
  const char* name;
  int code;
} codes[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EMFILE", EMFILE}, {"EACCES", EACCES}, {"EINTR", EINTR},
             {"ENOMEM", ENOMEM}, {"ENOLCK", ENOLCK}, {"EROFS", EROFS},   {"EDQUOT", EDQUOT}, {"short", -1}};

// All plain: nothing here may allocate, or be built before it is used.
std::atomic<long> counts[kinds];
std::atomic<bool> armed;
int failing = kinds, code = 0;
long first = 0;
bool lasting = false;
char part[64] = "";  ///< of the path
const char* log_path = nullptr;

/// Writes past the functions of this file.
void log_line(const char* text) {
  if (log_path == nullptr) return;
  const long fd = ::syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0) return;
  ::syscall(SYS_write, fd, text, std::strlen(text));
  ::syscall(SYS_close, fd);
}

/// Counts a call; what it fails with, or 0. Of a call on a file, the log says which.
int fault(kind k, const char* path = nullptr, int fd = -1) {
  if (!armed) return 0;
  char name[512] = "";
  if (k == failing) {
    if (fd >= 0) {
      char link[32];
      std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
      const long size = ::syscall(SYS_readlinkat, AT_FDCWD, link, name, sizeof name - 1);
      name[size > 0 ? size : 0] = '\0';
    } else if (path != nullptr) {
      std::snprintf(name, sizeof name, "%s", path);
    }
    if (std::strstr(name, part) == nullptr) return 0;
  }
  const long number = ++counts[k];
  if (k != failing || (lasting ? number < first : number != first)) return 0;
  if (number == first) {
    char line[600];
    std::snprintf(line, sizeof line, "failed %s %ld %s\n", names[k], number, name);
    log_line(line);
  }
  return code;
}

void finish() {
  armed = false;
  for (int k = 0; k < kinds; ++k) {
    char line[64];
    std::snprintf(line, sizeof line, "%s %ld\n", names[k], counts[k].load());
    log_line(line);
  }
}

/// Before main: what the environment asks for. A fault that cannot be read ends the program, which would test nothing.
void begin() {
  log_path = std::getenv("GMOE_FAULT_LOG");
  if (const char* text = std::getenv("GMOE_FAULT")) {
    char name[64] = "", plus[2] = "", reason[32] = "";
    bool good = std::sscanf(text, "%63[^:]:%ld%1[+]:%31s", name, &first, plus, reason) == 4;
    lasting = good;
    if (!good) good = std::sscanf(text, "%63[^:]:%ld:%31s", name, &first, reason) == 3;
    if (char* at = std::strchr(name, '@')) {
      std::snprintf(part, sizeof part, "%s", at + 1);
      *at = '\0';
    }
    for (int k = 0; k < kinds; ++k)
      if (std::strcmp(name, names[k]) == 0) failing = k;
    for (const auto& c : codes)
      if (std::strcmp(reason, c.name) == 0) code = c.code;
    if (!good || failing == kinds || code == 0) {
      std::fprintf(stderr, "GMOE_FAULT=%s is not understood\n", text);
      std::_Exit(99);
    }
  }
  // On its first exception through frames of C (std::call_once has one) glibc loads a library, and aborts where there
  // is no memory for that. That is not what is looked for.
  try {
    std::once_flag once;
    std::call_once(once, [] { throw 1; });
  } catch (int) {
  }
  std::atexit(finish);
  armed = true;
}

/// The function that this one hides.
template <class F>
F* next(F*, const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

int (*real_main)(int, char**, char**);
int counted_main(int argc, char** argv, char** environment) {
  begin();
  return real_main(argc, argv, environment);
}

template <class Result>
Result failed(int with) {
  errno = with;
  return Result(-1);
}

/// `flags` says whether a mode follows.
mode_t mode_of(int flags, va_list more) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; }

}  // namespace

#define HIDDEN(name) next(&::name, #name)

extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*unload)(), void* stack_end) {
  using start = int(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*);
  real_main = main;
  return next(static_cast<start*>(nullptr), "__libc_start_main")(counted_main, argc, argv, init, fini, unload,
                                                                 stack_end);
}

ssize_t write(int fd, const void* data, size_t size) {
  const int with = fault(write_, nullptr, fd);
  if (with > 0) return failed<ssize_t>(with);
  return ::syscall(SYS_write, fd, data, with < 0 && size > 1 ? size / 2 : size);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  const int with = fault(write_, nullptr, fd);
  if (with > 0) return failed<ssize_t>(with);
  return ::syscall(SYS_pwrite64, fd, data, with < 0 && size > 1 ? size / 2 : size, at);
}
ssize_t writev(int fd, const iovec* parts, int count) {
  const int with = fault(write_, nullptr, fd);
  if (with > 0) return failed<ssize_t>(with);
  return ::syscall(SYS_writev, fd, parts, with < 0 && count > 1 ? 1 : count);
}
ssize_t read(int fd, void* data, size_t size) {
  const int with = fault(read_, nullptr, fd);
  if (with > 0) return failed<ssize_t>(with);
  return ::syscall(SYS_read, fd, data, with < 0 && size > 1 ? size / 2 : size);
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  if (const int with = fault(open_, path)) return failed<int>(with);
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
int openat(int folder, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  // The iterators of the C++ library do not go on after an interruption, and folders of this machine know none.
  if (const int with = fault(open_, path); with != 0 && !(with == EINTR && (flags & O_DIRECTORY)))
    return failed<int>(with);
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}
DIR* opendir(const char* path) {
  if (const int with = fault(open_, path); with != 0 && with != EINTR) return errno = with, nullptr;
  return HIDDEN(opendir)(path);
}
FILE* fopen(const char* path, const char* how) {
  if (const int with = fault(open_, path)) return errno = with, nullptr;
  return HIDDEN(fopen)(path, how);
}
FILE* fopen64(const char* path, const char* how) {
  if (const int with = fault(open_, path)) return errno = with, nullptr;
  return HIDDEN(fopen64)(path, how);
}

int rename(const char* from, const char* to) {
  if (const int with = fault(rename_, to)) return failed<int>(with);
  return HIDDEN(rename)(from, to);
}
int renameat(int a, const char* from, int b, const char* to) {
  if (const int with = fault(rename_, to)) return failed<int>(with);
  return HIDDEN(renameat)(a, from, b, to);
}
int fsync(int fd) {
  if (const int with = fault(fsync_, nullptr, fd)) return failed<int>(with);
  return 0;  // nobody pulls the plug, and a disk takes its time
}
void* mmap(void* where, size_t size, int protection, int flags, int fd, off_t at) noexcept {
  if (fd >= 0)
    if (const int with = fault(mmap_, nullptr, fd)) return errno = with, MAP_FAILED;
  return reinterpret_cast<void*>(::syscall(SYS_mmap, where, size, protection, flags, fd, at));
}
int fstat(int fd, struct stat* what) noexcept {
  if (const int with = fault(stat_, nullptr, fd)) return failed<int>(with);
  return HIDDEN(fstat)(fd, what);
}
int fstatat(int folder, const char* path, struct stat* what, int flags) noexcept {
  if (const int with = fault(stat_, path)) return failed<int>(with);
  return HIDDEN(fstatat)(folder, path, what, flags);
}
int stat(const char* path, struct stat* what) noexcept {
  if (const int with = fault(stat_, path)) return failed<int>(with);
  return HIDDEN(stat)(path, what);
}
int mkdir(const char* path, mode_t mode) noexcept {
  if (const int with = fault(mkdir_, path)) return failed<int>(with);
  return HIDDEN(mkdir)(path, mode);
}
int flock(int fd, int how) noexcept {
  if (const int with = fault(flock_, nullptr, fd)) return failed<int>(with);
  return HIDDEN(flock)(fd, how);
}

void* malloc(size_t size) {
  if (const int with = fault(allocation_)) return errno = with, nullptr;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  if (const int with = fault(allocation_)) return errno = with, nullptr;
  return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  if (const int with = fault(allocation_)) return errno = with, nullptr;
  return __libc_realloc(old, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  if (const int with = fault(allocation_)) return errno = with, nullptr;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  if (const int with = fault(allocation_)) return with;
  *out = __libc_memalign(alignment, size);
  return *out != nullptr ? 0 : ENOMEM;
}

}  // extern "C"

// NOLINTEND
