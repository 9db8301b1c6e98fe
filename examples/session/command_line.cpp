#include "../command_line.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <new>

#include "../gentle_threads.hpp"
#include "../usage_error.hpp"
#include "gmoe/backend/eigen/gemm_provider.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/version.hpp"

namespace examples {

namespace detail {

std::string meant(std::string_view word, const std::vector<std::string>& names) {
  const std::string_view nearest = gmoe::nearest_name(word, names);
  const bool near = gmoe::edit_distance(word, nearest) <= std::max<std::size_t>(2, word.size() / 3);
  return near ? gmoe::concat("; did you mean ", nearest, "?") : "";
}

namespace {

/// What an option takes, in words, and whether a text is that. CLI11 writes it as "INT:NONNEGATIVE" or "TEXT:{a,b}".
class expectation {
 public:
  explicit expectation(const CLI::Option& option) : type_(option.get_type_name()) {
    if (const std::size_t open = type_.find(":{"); open != type_.npos && type_.ends_with('}'))
      choices_ = CLI::detail::split(type_.substr(open + 2, type_.size() - open - 3), ',');
  }

  bool holds(std::string_view text) const {
    if (!choices_.empty()) return std::find(choices_.begin(), choices_.end(), text) != choices_.end();
    if (!whole() && !type_.starts_with("FLOAT")) return true;
    if (type_.starts_with("UINT")) return read<std::uint64_t>(text) && (!positive() || text != "0");
    if (whole()) {
      const auto n = read<std::int64_t>(text);
      return n && static_cast<double>(*n) >= least();
    }
    const auto x = read<double>(text);
    return x && std::isfinite(*x) && *x >= least();
  }

  std::string words(std::string_view found = "") const {
    if (!choices_.empty()) return either(choices_) + (found.empty() ? "" : meant(found, choices_));
    const std::string kind = whole() ? "a whole number" : type_.starts_with("FLOAT") ? "a number" : "a text";
    return kind + (positive() ? whole() ? " from 1 up" : " above 0" : least() == 0 ? " from 0 up" : "");
  }

 private:
  template <class T>
  static std::optional<T> read(std::string_view text) {
    T value{};
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    return end.ec == std::errc{} && end.ptr == text.data() + text.size() ? std::optional(value) : std::nullopt;
  }
  bool whole() const { return type_.starts_with("INT") || type_.starts_with("UINT"); }
  bool positive() const { return type_.find(":POSITIVE") != type_.npos; }
  double least() const {
    if (positive()) return whole() ? 1 : std::numeric_limits<double>::min();
    return type_.starts_with("UINT") || type_.find(":NONNEGATIVE") != type_.npos
               ? 0
               : std::numeric_limits<double>::lowest();
  }

  std::string type_;
  std::vector<std::string> choices_;
};

}  // namespace

std::string what_is_wrong(const CLI::App& app, const std::vector<std::string>& arguments,
                          const std::function<std::string(std::string_view)>& other_than) {
  const auto find = [&](const std::string& word) {
    return word.size() > 1 && word[0] == '-' ? find_option(app, word) : nullptr;
  };
  std::vector<const CLI::Option*> seen;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].starts_with("--") ? arguments[i].find('=') : std::string::npos;
    const std::string name = arguments[i].substr(0, equals);
    const CLI::Option* option = find(name);
    if (!option && !name.starts_with('-'))
      return gmoe::in_quotes(name) + " was not expected here: options begin with --, and take one value";
    if (!option) {
      if (const std::string other = other_than ? other_than(name) : ""; !other.empty())
        return gmoe::concat("there is no option ", gmoe::in_quotes(name), "; did you mean ", other, "?");
      std::vector<std::string> known;
      for (const CLI::Option* o : app.get_options())
        for (const std::string& n : o->get_lnames()) known.push_back("--" + n);
      const std::string hint = meant(name, known);
      return gmoe::concat("there is no option ", gmoe::in_quotes(name), hint.empty() ? "; --help lists them" : hint);
    }
    const expectation expected(*option);
    const bool many = option->get_items_expected_max() > 1;
    if (!many && std::find(seen.begin(), seen.end(), option) != seen.end()) return name + " was given twice";
    seen.push_back(option);
    if (option->get_items_expected_max() == 0) {
      if (equals != std::string::npos) return name + " takes no value";
      continue;
    }
    std::vector<std::string> values;
    if (equals != std::string::npos) values.push_back(arguments[i].substr(equals + 1));
    while (i + 1 < arguments.size() && !find(arguments[i + 1]) && (values.empty() || (many && equals == name.npos)))
      if (!values.empty() && arguments[i + 1].starts_with('-'))
        break;
      else
        values.push_back(arguments[++i]);
    if (values.empty() && option->get_items_expected_min() > 0)
      return gmoe::concat(name, " has no value, expected ", expected.words());
    for (const std::string& value : values)
      for (const std::string& part :
           option->get_delimiter() ? CLI::detail::split(value, option->get_delimiter()) : std::vector{value})
        if (!expected.holds(part))
          return gmoe::concat(name, " is ", gmoe::in_quotes(part), ", expected ", expected.words(part));
  }
  return "";
}

}  // namespace detail

std::optional<int> read_command_line(CLI::App& app, int argc, char** argv, const std::string& uses,
                                     const std::string& parts, const command_line_extras& extras) {
  const std::string name = program_name(app, argv[0]);
  app.set_version_flag("--version",
                       gmoe::concat(name, ", gmoe ", gmoe::version_string, "; matrix products on the processor by ",
                                    gmoe::eigen::gemm_provider, parts.empty() ? "" : "; ", parts));
  app.footer([&] {
    return (extras.more_help ? extras.more_help() + "\n" : "") + "Examples:\n" + uses +
           "\nEnds with 0 when all went well, 2 if the command line cannot be read, 130 if Ctrl-C stopped it, 1 if "
           "anything else went wrong.";
  });
  std::string wrong = detail::what_is_wrong(app, {argv + 1, argv + argc}, extras.other_than);
  if (wrong.empty()) {
    try {
      app.parse(argc, argv);
      return std::nullopt;
    } catch (const CLI::Success& e) {
      return app.exit(e);
    } catch (const CLI::ParseError& e) {
      // Something that only CLI11 sees, such as a number too large for its type. It names the option.
      const bool required = e.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError);
      wrong = "the command line cannot be read; --help explains it";
      for (const CLI::Option* o : app.get_options())
        if (std::string_view(e.what()).find(o->get_name()) != std::string_view::npos)
          wrong = o->get_name() + (required ? " is required" : " cannot have the value given; --help explains it");
    }
  }
  std::fprintf(stderr, "%s: %s\n", name.c_str(), wrong.c_str());
  return usage_status;
}

int detail::run_program(int argc, char** argv, const std::function<program_text()>& say,
                        const std::function<void(CLI::App&)>& add_options, const std::function<int(CLI::App&)>& run) {
  give_way_while_waiting(argv);
  // What is told at the end takes no memory: there may be none.
  const char* slash = std::strrchr(argv[0], '/');
  const char* name = slash ? slash + 1 : argv[0];
  const char* too_large = "this program";
  const auto tell = [&](const char* what, const char* more, int status) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s%s\n", name, what, more);
    return status;
  };
  try {
    const program_text text = say();
    too_large = text.too_large;
    CLI::App app{text.about};
    app.get_formatter()->column_width(36);
    add_options(app);
    const auto ended = read_command_line(app, argc, argv, text.uses, text.parts,
                                         text.extras ? text.extras(app) : command_line_extras{});
    const int status = ended ? *ended : run(app);
    // What was printed is a result as files are: nobody may take half of it for all.
    const bool whole = std::fflush(stdout) == 0;
    const int reason = errno;
    if ((whole && !std::ferror(stdout)) || status != 0) return status;
    return tell("the standard output cannot be written", whole ? "" : gmoe::concat(": ", std::strerror(reason)).c_str(),
                1);
  } catch (const usage_error& e) {
    return tell(e.what(), "", usage_status);
  } catch (const std::bad_alloc&) {
    return tell("there is not enough memory for ", too_large, 1);
  } catch (const std::exception& e) {
    return tell(e.what(), "", 1);
  }
}

}  // namespace examples
