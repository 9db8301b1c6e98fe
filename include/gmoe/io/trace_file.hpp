#pragma once
/// Numbers of one run under names, for comparison with another implementation.

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/io/safetensors_writer.hpp"

namespace gmoe {

/// Collects tensors and writes them as one safetensors file: numbers as F64, whole numbers as I64.
template <class Scalar>
class trace_file {
 public:
  void add(std::string name, std::vector<index_t> shape, std::vector<Scalar> values) {
    numbers_.push_back({std::move(name), std::move(shape), std::move(values)});
  }
  void add_integers(std::string name, std::vector<index_t> shape, std::vector<std::int64_t> values) {
    integers_.push_back({std::move(name), std::move(shape), std::move(values)});
  }
  /// Numbers that are double whatever the model computes in.
  void add_exact(std::string name, std::vector<index_t> shape, std::vector<double> values) {
    exact_.push_back({std::move(name), std::move(shape), std::move(values)});
  }

  /// Sets a note in the file's metadata.
  void set_metadata(const std::string& key, std::string value) { metadata_[key] = std::move(value); }

  /// Atomic. Throws config_error if two tensors have the same name, file_error if the file cannot be written.
  void write(const std::filesystem::path& path) const {
    safetensors_writer file;
    for (const auto& [key, value] : metadata_) file.set_metadata(key, value);
    for (const auto& t : integers_) file.add(t.name, t.shape, t.values);
    for (const auto& t : exact_) file.add(t.name, t.shape, t.values);
    for (const auto& t : numbers_)
      file.add_streamed<double>(t.name, t.shape, [&t](const chunk_sink<double>& sink) {
        std::array<double, 1024> chunk;
        for (std::size_t first = 0; first < t.values.size(); first += chunk.size()) {
          const std::size_t count = std::min(chunk.size(), t.values.size() - first);
          std::copy_n(t.values.begin() + static_cast<std::ptrdiff_t>(first), count, chunk.begin());
          sink(std::span<const double>(chunk.data(), count));
        }
      });
    file.write(path);
  }

 private:
  template <class T>
  struct tensor {
    std::string name;
    std::vector<index_t> shape;
    std::vector<T> values;
  };
  std::map<std::string, std::string> metadata_;
  std::vector<tensor<Scalar>> numbers_;
  std::vector<tensor<double>> exact_;
  std::vector<tensor<std::int64_t>> integers_;
};

}  // namespace gmoe
