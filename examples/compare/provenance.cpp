#include "provenance.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/version.hpp"

namespace compare {

namespace {

/// The processor's name, as the system gives it; its instruction set where it gives none.
std::string processor() {
  std::ifstream about("/proc/cpuinfo");
  for (std::string line; std::getline(about, line);)
    if (line.starts_with("model name"))
      if (const std::size_t colon = line.find(": "); colon != line.npos) return line.substr(colon + 2);
#if defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__)
  return "arm64";
#else
  return "unknown";
#endif
}

std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("g++ ") + __VERSION__;
#endif
}

}  // namespace

std::string command_text(const std::string& program, const std::vector<std::string>& arguments) {
  std::string text = program;
  for (std::string word : arguments) {
    // --option=path, NAME=path, path
    const std::size_t equals = word.find('='), start = equals == word.npos ? 0 : equals + 1;
    if (word.find('/', start) != word.npos) {
      std::filesystem::path path = word.substr(start);
      if (!path.has_filename()) path = path.parent_path();
      word = word.substr(0, start) + path.filename().string();
    }
    const bool plain = !word.empty() && word.find_first_of(" \t\n'\"\\$`*?[]{}()<>|&;#~!") == word.npos;
    text += plain ? " " + word : " '" + word + "'";
  }
  return text;
}

json provenance(const std::string& program, const std::vector<std::string>& arguments, const std::string& backend) {
  return {{"command", command_text(program, arguments)},
          {"version", gmoe::version_string},
          {"backend", backend},
          {"products", gmoe::eigen::gemm_provider},
          {"processor", processor()},
          {"cores", std::thread::hardware_concurrency()},
          {"threads", gmoe::cpu<float>::threads()},
          {"compiler", compiler()}};
}

}  // namespace compare
