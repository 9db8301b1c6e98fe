#pragma once
/// Readers under attack: each gets bytes that may be anything, and either refuses them with an error of the library
/// that says something, or gives a value that survives being written and read again. Everything else is a find.
///
/// The same functions run in two ways: some hundred mutations of each seed in a second (regression.cpp, part of the
/// test command), and for as long as one likes under libFuzzer with its sanitizers (libfuzzer.cpp, run.sh).

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gmoe_fuzz {

using bytes = std::span<const std::uint8_t>;

/// What a reader must not do.
struct find : std::logic_error {
  using std::logic_error::logic_error;
};

inline void must(bool holds, const char* what) {
  if (!holds) throw find(what);
}

enum class outcome { accepted, refused };

/// One reader.
struct harness {
  std::string_view name;
  /// Throws `find`, or what the reader should not have thrown.
  outcome (*run)(bytes input);
  /// Inputs to begin with, good ones and some that almost are.
  std::vector<std::string> (*seeds)();
  /// Bytes that mean something to the reader.
  std::vector<std::string_view> words;
  /// After changes somewhere in `input`: makes right what every change breaks, such as a length. May be null.
  void (*mend)(std::string& input) = nullptr;
};

/// Those of the readers of the library, and those of what programs read (readers.cpp, programs.cpp).
std::span<const harness> readers();
std::span<const harness> programs();
/// All of them.
std::vector<harness> harnesses();
/// The one of that name. Throws std::invalid_argument, naming those that there are.
const harness& harness_called(std::string_view name);

/// Runs one input. Throws `find` for everything that a reader must not do, allocating far more than it was given
/// included.
outcome attack(const harness& h, bytes input);

/// A reader may hold so many bytes in one piece for an input of `size`: values of JSON take 16 bytes each and two of
/// text, and double as lists grow; messages, buffers of files and tables come to this in any case.
constexpr std::size_t most_in_one_piece(std::size_t size) { return (std::size_t{256} << 10) + 64 * size; }

}  // namespace gmoe_fuzz
