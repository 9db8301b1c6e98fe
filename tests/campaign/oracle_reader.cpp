// Reads files of tensors from standard input, each as 8 bytes of length and its bytes, and says of each in a line of
// JSON what is in it, or why it is refused: for oracle.py, which has another reader say the same.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "fuzz/file_in_memory.hpp"
#include "gmoe/io/safetensors.hpp"

namespace {

std::string in_hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes)
    for (const unsigned digit : {std::to_integer<unsigned>(b) >> 4, std::to_integer<unsigned>(b) & 15u})
      text += "0123456789abcdef"[digit];
  return text;
}

nlohmann::json what_is_in(gmoe_fuzz::bytes input) {
  const gmoe_fuzz::file_in_memory place(input);
  const gmoe::safetensors_file file(place.path());
  nlohmann::json tensors = nlohmann::json::object();
  for (const gmoe::tensor_entry& t : file.tensors())
    tensors[t.name] = {{"dtype", gmoe::facts(t.type).name}, {"shape", t.shape}, {"data", in_hex(file.bytes(t.name))}};
  return {{"tensors", std::move(tensors)}, {"metadata", file.metadata()}};
}

}  // namespace

int main() {
  std::vector<std::uint8_t> input;
  for (std::uint64_t size = 0; std::fread(&size, sizeof size, 1, stdin) == 1;) {
    input.resize(size);
    if (std::fread(input.data(), 1, size, stdin) != size) return 1;
    nlohmann::json said;
    try {
      said = what_is_in(input);
    } catch (const gmoe::file_error& e) {
      said = {{"refused", e.what()}};
    }
    std::puts(said.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).c_str());
  }
  return 0;
}
