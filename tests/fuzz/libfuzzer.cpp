// A harness under libFuzzer: which one is GMOE_FUZZ_HARNESS. `--write-seeds DIR` and `--write-words FILE` write what
// the fuzzer begins with, and end.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "file_in_memory.hpp"
#include "harness.hpp"

namespace {

using namespace gmoe_fuzz;

const harness& attacked() {
  static const harness& h = harness_called(GMOE_FUZZ_HARNESS);
  return h;
}

/// As libFuzzer reads dictionaries.
std::string dictionary() {
  std::string text;
  for (const std::string_view word : attacked().words) {
    text += '"';
    for (const char c : word) {
      char code[8];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(c));
      text += code;
    }
    text += "\"\n";
  }
  return text;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc != 3) return 0;
  const std::string what = (*argv)[1];
  if (what == "--write-seeds") {
    std::size_t number = 0;
    std::filesystem::create_directories((*argv)[2]);
    for (const std::string& seed : attacked().seeds())
      std::ofstream(std::filesystem::path((*argv)[2]) / ("seed" + std::to_string(number++)), std::ios::binary) << seed;
  } else if (what == "--write-words") {
    std::ofstream((*argv)[2], std::ios::binary) << dictionary();
  } else {
    return 0;
  }
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    attack(attacked(), {data, size});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    std::abort();
  }
  return 0;
}

// Random changes, and mostly what they break made right.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (attacked().mend == nullptr || seed % 4 == 0) return size;
  std::string input(as_text({data, size}));
  attacked().mend(input);
  std::memcpy(data, input.data(), std::min(input.size(), most));
  return std::min(input.size(), most);
}
