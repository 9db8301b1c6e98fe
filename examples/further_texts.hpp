#pragma once
/// --validate NAME=PATH: further texts to measure the loss on.

#include <span>
#include <string>
#include <vector>

#include "fingerprint.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "session/settings.hpp"

namespace examples {

/// A text and what it is called.
struct further_text {
  std::string name;
  gmoe::corpus text;

  std::string fingerprint() const { return text_fingerprint(text.bytes()); }
};

/// Reads the texts that --validate was given. Throws usage_error for one that is not NAME=PATH, or a name that comes
/// twice.
inline std::vector<further_text> read_further_texts(const std::vector<std::string>& given) {
  constexpr const char* allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  std::vector<further_text> all;
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == text.npos || name.empty() || equals + 1 == text.size() ||
        name.find_first_not_of(allowed) != name.npos)
      throw usage_error(gmoe::concat("--validate is ", gmoe::in_quotes(text),
                                     ", expected NAME=PATH with a name of letters, digits, - and _"));
    for (const further_text& other : all)
      if (other.name == name) throw usage_error(gmoe::concat("--validate ", name, " was given twice"));
    all.push_back({name, gmoe::corpus::read(text.substr(equals + 1))});
    gmoe::require<gmoe::data_error>(all.back().text.bytes().size() >= 2, "--validate ", name,
                                    ": the text has one byte, expected at least 2");
  }
  return all;
}

}  // namespace examples
