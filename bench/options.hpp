#pragma once
/// Command lines of the benchmark programs.

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../examples/command_line.hpp"
#include "environment.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/io/in_quotes.hpp"

namespace gmoe::bench {

/// An option and what --help says about it.
struct option_text {
  std::string name, meaning;
};
inline const option_text quick_option{"--quick", "few rounds, for a first look"},
    json_option{"--json", "file for the results"}, rounds_option{"--rounds", "turns of each measurement"},
    threads_option{"--threads", "threads to use, all by default"};

class options {
 public:
  /// Ends the program after --help and --version, and after a command line that cannot be read.
  options(int argc, char** argv, const std::string& about, const std::vector<option_text>& flags,
          const std::vector<option_text>& values) {
    CLI::App app(about);
    for (const option_text& f : flags)
      app.add_flag_callback(
          f.name, [this, &f] { given_[f.name] = ""; }, f.meaning);
    for (const option_text& v : values)
      app.add_option_function<std::string>(
          v.name, [this, &v](const std::string& text) { given_[v.name] = text; }, v.meaning);
    running() = examples::program_name(app, argv[0]);
    std::string uses = "  " + running() + "\n";
    for (const option_text& f : flags) uses += "  " + running() + " " + f.name + "\n";
    if (const auto ended = examples::read_command_line(app, argc, argv, uses)) std::exit(*ended);
  }

  /// Name of the program, for messages.
  static std::string& running() {
    static std::string name = "benchmark";
    return name;
  }

  bool has(const std::string& name) const { return given_.contains(name); }
  std::string text(const std::string& name, const std::string& otherwise = "") const {
    const auto found = given_.find(name);
    return found == given_.end() ? otherwise : found->second;
  }
  index_t number(const std::string& name, index_t otherwise) const {
    if (!has(name)) return otherwise;
    const std::string value = text(name);
    index_t result = 0;
    const auto end = std::from_chars(value.data(), value.data() + value.size(), result);
    require(end.ec == std::errc{} && end.ptr == value.data() + value.size(), name, " is ", in_quotes(value),
            ", expected a whole number");
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
    std::cerr << options::running() << ": " << e.what() << "\n";
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
