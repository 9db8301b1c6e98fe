#pragma once
// Golden checkpoints in memory, to be written with one thing changed.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmoe/io/official_files.hpp"
#include "gmoe/io/safetensors.hpp"
#include "io/temp_folder.hpp"

namespace gmoe_test {

inline gmoe::official_files golden_files(const std::string& name) {
  const std::string base = std::string(GMOE_TESTS_DIR) + "/golden/" + name;
  return {base + ".config.json", base + ".weights.safetensors"};
}

struct stored_tensor {
  gmoe::dtype type;
  std::vector<gmoe::index_t> shape;
  std::string bytes;
};

struct checkpoint {
  nlohmann::ordered_json config;
  std::map<std::string, stored_tensor> tensors;
  bool with_metadata = true;

  static checkpoint golden(const std::string& name) {
    checkpoint c;
    const gmoe::official_files files = golden_files(name);
    c.config = nlohmann::ordered_json::parse(slurp(files.config));
    const gmoe::safetensors_file weights(files.weights);
    for (const gmoe::tensor_entry& t : weights.tensors()) {
      const auto bytes = weights.bytes(t.name);
      c.tensors[t.name] = {t.type, t.shape, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
    }
    return c;
  }

  // As a checkpoint folder.
  void write(const std::filesystem::path& folder, const char* weights = "model.safetensors") const {
    std::filesystem::create_directories(folder);
    spill(folder / "config.json", config.dump(2));
    gmoe::safetensors_header header;
    if (with_metadata) header.metadata["format"] = "pt";
    std::string data;
    for (const auto& [name, t] : tensors) {
      const auto begin = static_cast<gmoe::index_t>(data.size());
      data += t.bytes;
      header.tensors.push_back({name, t.type, t.shape, begin, static_cast<gmoe::index_t>(data.size())});
    }
    spill(folder / weights, gmoe::write_safetensors_header(header) + data);
  }

  // Stores every tensor as another floating type of `Bits`; `convert(float)` makes its bits.
  template <class Bits, class Convert>
  void store_as(gmoe::dtype type, Convert&& convert) {
    for (auto& [name, t] : tensors) store_one_as<Bits>(name, type, convert);
  }
  template <class Bits, class Convert>
  void store_one_as(const std::string& name, gmoe::dtype type, Convert&& convert) {
    stored_tensor& t = tensors.at(name);
    std::string bytes;
    for (std::size_t i = 0; i + sizeof(float) <= t.bytes.size(); i += sizeof(float)) {
      float value;
      std::memcpy(&value, t.bytes.data() + i, sizeof value);
      const Bits bits = convert(value);
      bytes.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    }
    t.type = type;
    t.bytes = bytes;
  }
};

}  // namespace gmoe_test
