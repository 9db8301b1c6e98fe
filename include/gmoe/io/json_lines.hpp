#pragma once
/// A log of one JSON object per line, readable while it is written.

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "gmoe/core/error.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/strict_json.hpp"
#include "gmoe/io/system_call.hpp"

namespace gmoe {

/// Appends objects to a file, each at once. Every failure is a file_error that says why, and leaves what was there.
class json_lines {
 public:
  /// Keeps the lines of an existing file for which `keep(object)` holds (those before the step that a run resumes
  /// at), and what a crash left of the last one not. Any other line that is no object is an error.
  template <class Keep>
  json_lines(const std::filesystem::path& path, const Keep& keep) : shown_(in_quotes(path.string(), 4096)) {
    const std::string old = contents(path);
    std::string kept;
    std::size_t number = 0;
    for (std::size_t begin = 0, end = 0; (end = old.find('\n', begin)) != old.npos; begin = end + 1) {
      const std::string_view line(old.data() + begin, end - begin);
      const nlohmann::json object = value_of(line);
      ++number;
      require<file_error>(object.is_object(), shown_, ": line ", number, " is no JSON object: ", in_quotes(line),
                          "; mend the log or move it away");
      if (keep(object)) kept.append(line) += '\n';
    }
    if (kept != old || old.empty()) atomic_write(path, kept);
    file_.fd = repeat_call([&] { return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC); });
    if (file_.fd < 0) fail("open the log", errno);
  }

  /// Numbers that are not finite become null, as JSON has none.
  void write(const nlohmann::json& object) {
    const std::string line = object.dump() + '\n';
    for (std::string_view rest = line; !rest.empty();) {
      const ssize_t written = repeat_call([&] { return ::write(file_.fd, rest.data(), rest.size()); });
      if (written < 0) fail("write a line of the log", errno);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }

 private:
  /// Null for what is not JSON, or too deep or too long to be a line of a log.
  static nlohmann::json value_of(std::string_view line) {
    try {
      return parse_json(line, "a line");
    } catch (const file_error&) {
      return nullptr;
    }
  }
  /// The whole file; nothing only where there is none.
  std::string contents(const std::filesystem::path& path) const {
    const file_descriptor file(repeat_call([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }));
    if (file.fd < 0 && errno == ENOENT) return {};
    struct stat what {};
    if (file.fd < 0 || ::fstat(file.fd, &what) != 0) fail("open the log", errno);
    require<file_error>(S_ISREG(what.st_mode), shown_, ": the log is not a file");
    std::string text;
    char buffer[1 << 16];
    for (;;) {
      const ssize_t got = repeat_call([&] { return ::read(file.fd, buffer, sizeof buffer); });
      if (got < 0) fail("read the log", errno);
      if (got == 0) return text;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  [[noreturn]] void fail(const char* what, int code) const {
    throw file_error(concat(shown_, ": failed to ", what, ": ", error_text(code)));
  }

  std::string shown_;
  file_descriptor file_;
};

}  // namespace gmoe
