#pragma once
/// Reading a command line, the same way in every program: what is wrong with it is said in one line of our own words,
/// with the option that was probably meant; --version and examples in --help.

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gentle_threads.hpp"
#include "gmoe/core/error.hpp"
#include "usage_error.hpp"

namespace examples {

/// What a program ends with if its command line cannot be read; 1 is for everything else that goes wrong.
inline constexpr int usage_status = 2;

/// "1 step", "2 steps".
inline std::string plural(std::int64_t n, std::string_view thing) {
  return gmoe::concat(n, " ", thing, n == 1 ? "" : "s");
}

/// "a", "a and b", "a, b and c", or with another word before the last.
inline std::string together(const std::vector<std::string>& names, std::string_view last = " and ") {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    (text += i == 0 ? "" : i + 1 == names.size() ? last : ", ") += names[i];
  return text;
}
inline std::string either(const std::vector<std::string>& names) { return together(names, " or "); }

/// The option of that name, such as "--steps", or nothing. CLI11's own function for that ends the program where there
/// is no memory for it.
inline const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* option : app.get_options())
    if (option->check_name(name)) return option;
  return nullptr;
}

namespace detail {

/// "; did you mean x?" if one of the names is near enough to be meant.
std::string meant(std::string_view word, const std::vector<std::string>& names);

/// The first of these arguments that is wrong, left to right; empty if all are right. CLI11 would say some of it in its
/// own words, and take -1 for an unsigned number and more digits than a number has room for. `other_than` may know what
/// was meant by an option that does not exist.
std::string what_is_wrong(const CLI::App& app, const std::vector<std::string>& arguments,
                          const std::function<std::string(std::string_view)>& other_than = {});

}  // namespace detail

/// The program's name for messages: that of the app, else of its file.
inline std::string program_name(const CLI::App& app, const char* file) {
  return app.get_name().empty() ? std::filesystem::path(file).filename().string() : app.get_name();
}

/// What a program adds to its command line beside its options.
struct command_line_extras {
  std::function<std::string()> more_help = {};                   ///< between the options and the examples of --help
  std::function<std::string(std::string_view)> other_than = {};  ///< what was meant by an unknown option, or nothing
};

/// Reads the command line. Nothing comes back if the program shall go on, else the status that it ends with: after
/// --help and --version, and after a mistake, which was told on standard error. `uses` are command lines, one per line,
/// for the end of --help; `parts` follows the version.
std::optional<int> read_command_line(CLI::App& app, int argc, char** argv, const std::string& uses,
                                     const std::string& parts = "", const command_line_extras& extras = {});

/// What the main functions of programs have of their own.
struct program_text {
  std::string about, uses;               ///< what --help says first and last; see read_command_line
  std::string parts = "";                ///< follows the version
  const char* too_large = "this model";  ///< what there may be too little memory for
  std::function<command_line_extras(CLI::App&)> extras = {};
};

namespace detail {
int run_program(int argc, char** argv, const std::function<program_text()>& say,
                const std::function<void(CLI::App&)>& add_options, const std::function<int(CLI::App&)>& run);
}  // namespace detail

/// A program's main function: `add_options(app, a)` tells what the command line may say, it is read, and
/// `run(app, a)` does the work and says how the program ends. What is thrown is told in one line on standard error,
/// from the making of the text that `say()` gives on; so is it if the standard output cannot be written.
template <class Arguments, class Run>
int run_program(int argc, char** argv, program_text (*say)(), void (*add_options)(CLI::App&, Arguments&),
                const Run& run) {
  std::optional<Arguments> a;
  return detail::run_program(
      argc, argv, say, [&](CLI::App& app) { add_options(app, a.emplace()); },
      [&](CLI::App& app) { return run(app, *a); });
}

}  // namespace examples
