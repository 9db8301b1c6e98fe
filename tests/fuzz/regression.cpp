// The short run of the harnesses: every seed, and some hundred mutations of each, the same ones in every run.

#include <cstdlib>
#include <iostream>

#include "file_in_memory.hpp"
#include "harness.hpp"
#include "mutation.hpp"

namespace {

using namespace gmoe_fuzz;

constexpr std::uint64_t mutations = 400;

/// A text of C++ that is the input, to be made a seed.
std::string quoted(const std::string& input) {
  std::string text;
  for (const char c : input) {
    char code[8];
    std::snprintf(code, sizeof code, c >= 32 && c < 127 && c != '"' && c != '\\' ? "%c" : "\\%03o",
                  static_cast<unsigned char>(c));
    text += code;
  }
  return text;
}

/// How many were refused and accepted.
struct counts {
  std::uint64_t refused = 0, accepted = 0;
};

counts attack_with_seeds(const harness& h) {
  counts seen;
  const gmoe::random_stream random = gmoe::random_stream(1).fork(h.name);
  std::uint64_t number = 0;
  const auto one = [&](const std::string& input) {
    try {
      ++(attack(h, as_bytes(input)) == outcome::accepted ? seen.accepted : seen.refused);
    } catch (const std::exception& e) {
      throw find(std::string(e.what()) + "\n  for \"" + quoted(input) + "\"");
    }
  };
  for (const std::string& seed : h.seeds()) {
    one(seed);
    for (std::uint64_t i = 0; i < mutations; ++i) one(mutated(h, seed, random.fork(++number)));
  }
  return seen;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::cerr << "regression NAME: one of the harnesses\n";
    for (const harness& h : harnesses()) std::cerr << "  " << h.name << "\n";
    return 2;
  }
  const harness& h = harness_called(argv[1]);
  const counts seen = attack_with_seeds(h);
  std::cout << h.name << ": " << seen.refused << " refused, " << seen.accepted << " accepted\n";
  // Attacks that all end in the same way attack nothing.
  if (seen.refused * 100 < seen.accepted || seen.accepted * 100 < seen.refused) {
    std::cerr << h.name << ": hardly any input was " << (seen.refused < seen.accepted ? "refused" : "accepted") << "\n";
    return 1;
  }
  return 0;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
