// A user's program: a safetensors file written and read.
#include <cstdio>
#include <filesystem>
#include <vector>

#include "gmoe/io/safetensors.hpp"

int main() {
  const auto path = std::filesystem::current_path() / "numbers.safetensors";
  const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  gmoe::safetensors_writer writer;
  writer.add("numbers", {2, 3}, numbers);
  writer.write(path);
  const gmoe::safetensors_file file(path);
  const bool same = file.read<float>("numbers") == numbers;
  std::printf("%zu tensors %s\n", file.tensors().size(), same ? "came back" : "differ");
  return same ? 0 : 1;
}
