#pragma once
/// Command lines of the benchmark programs: --name value, --name=value, and flags without a value.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "environment.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe::bench {

class options {
 public:
  /// Throws config_error for a name that is neither among `flags` nor among `values`.
  options(int argc, char** argv, const std::vector<std::string>& flags, const std::vector<std::string>& values) {
    const auto among = [](const std::vector<std::string>& names, const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      const auto equals = word.find('=');
      const std::string name = word.substr(0, equals);
      if (among(flags, name) && equals == std::string::npos) {
        given_[name] = "";
      } else if (among(values, name) && (equals != std::string::npos || i + 1 < argc)) {
        given_[name] = equals != std::string::npos ? word.substr(equals + 1) : argv[++i];
      } else {
        std::string known;
        for (const auto& f : flags) known += concat(" ", f);
        for (const auto& v : values) known += concat(" ", v, " <value>");
        require(false, "unknown or unfinished option ", word, "; known are:", known);
      }
    }
  }

  bool has(const std::string& name) const { return given_.contains(name); }
  std::string text(const std::string& name, const std::string& otherwise = "") const {
    const auto found = given_.find(name);
    return found == given_.end() ? otherwise : found->second;
  }
  index_t number(const std::string& name, index_t otherwise) const {
    if (!has(name)) return otherwise;
    char* end = nullptr;
    const std::string value = text(name);
    const index_t result = std::strtoll(value.c_str(), &end, 10);
    require(!value.empty() && *end == '\0', name, " is '", value, "', expected a whole number");
    return result;
  }

 private:
  std::map<std::string, std::string> given_;
};

/// Runs a program's body; errors become one line on standard error and status 1.
template <class F>
int run_program(const F& body) {
  try {
    body();
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}

inline nlohmann::ordered_json environment_json() {
  nlohmann::ordered_json j;
  for (const auto& [name, value] : environment()) j[name] = value;
  return j;
}

inline void print_environment() {
  for (const auto& [name, value] : environment()) std::cout << name << ": " << value << "\n";
  std::cout << std::endl;
}

/// Writes results to the file named by --json, if it was given.
inline void write_json(const options& o, const nlohmann::ordered_json& results) {
  if (!o.has("--json")) return;
  std::ofstream file(o.text("--json"));
  file << results.dump(2) << "\n";
  file.flush();
  require<file_error>(file.good(), "could not write ", o.text("--json"));
}

}  // namespace gmoe::bench
