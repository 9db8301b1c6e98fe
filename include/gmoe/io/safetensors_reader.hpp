#pragma once
/// Reading a safetensors file.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/data/mapped_file.hpp"
#include "gmoe/io/dtype.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/safetensors_header.hpp"
#include "gmoe/io/safetensors_parser.hpp"
#include "gmoe/io/tensor_entry.hpp"

namespace gmoe {

/// An open safetensors file, mapped into memory: opening it costs its header, reading a tensor costs that tensor.
/// Everything in the header is checked when it is opened; every failure is a file_error naming file and tensor.
class safetensors_file {
 public:
  explicit safetensors_file(const std::filesystem::path& path)
      : where_("safetensors file " + in_quotes(path.string(), 4096)), file_(path) {
    const auto bytes = std::as_bytes(file_.bytes());
    std::uint64_t length = 0;
    require<file_error>(bytes.size() >= sizeof(length), where_, ": has ", bytes.size(),
                        " bytes, expected at least the 8 of the header's length");
    std::memcpy(&length, bytes.data(), sizeof(length));
    require<file_error>(length <= max_safetensors_header, where_, ": the header claims ", length,
                        " bytes, the format allows ", max_safetensors_header);
    require<file_error>(length <= bytes.size() - sizeof(length), where_, ": the header claims ", length,
                        " bytes, but only ", bytes.size() - sizeof(length), " follow");
    const auto text = bytes.subspan(sizeof(length), length);
    data_ = bytes.subspan(sizeof(length) + length);
    header_ = parse_safetensors_header({reinterpret_cast<const char*>(text.data()), text.size()},
                                       static_cast<index_t>(data_.size()), where_);
    for (std::size_t i = 0; i < header_.tensors.size(); ++i) positions_.emplace(header_.tensors[i].name, i);
  }

  /// Every tensor, in the order of the bytes in the file.
  const std::vector<tensor_entry>& tensors() const { return header_.tensors; }

  /// The file's own notes; empty where it has none.
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

  bool contains(std::string_view name) const { return positions_.contains(name); }

  /// Type and shape of a tensor.
  const tensor_entry& entry(std::string_view name) const {
    const auto found = positions_.find(name);
    if (found == positions_.end()) throw file_error(concat(where_, ": has no tensor ", in_quotes(name)));
    return header_.tensors[found->second];
  }

  /// The stored bytes of a tensor, in any alignment; valid as long as this object.
  std::span<const std::byte> bytes(std::string_view name) const {
    const tensor_entry& tensor = entry(name);
    return data_.subspan(static_cast<std::size_t>(tensor.begin), static_cast<std::size_t>(tensor.size_bytes()));
  }

  /// The tensor's elements in row-major order. Floating types are read as float or double, integer types as integers,
  /// exactly; only F64 read as float is rounded. A value that T cannot hold is a file_error.
  template <tensor_scalar T>
  std::vector<T> read(std::string_view name) const {
    const tensor_entry& tensor = entry(name);
    check_kind<T>(tensor);
    std::vector<T> out(static_cast<std::size_t>(tensor.elements()));
    read_into(name, std::span<T>(out));
    return out;
  }

  /// As `read`, into memory of the caller that has room for exactly the tensor's elements.
  template <tensor_scalar T>
  void read_into(std::string_view name, std::span<T> out) const {
    const tensor_entry& tensor = entry(name);
    check_kind<T>(tensor);
    if (static_cast<std::size_t>(tensor.elements()) != out.size())
      fail(tensor, "has ", tensor.elements(), " elements in shape ", shape_text(tensor.shape), ", expected ",
           out.size());
    const std::byte* source = bytes(name).data();
    const index_t bad = convert_elements(tensor.type, source, out);
    if (bad >= 0)
      fail(tensor, "element ", bad, ", ", value_text(tensor.type, source, bad), ", does not fit into ",
           facts(dtype_of<T>()).name);
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const tensor_entry& tensor, const Parts&... parts) const {
    throw file_error(concat(where_, ": tensor ", in_quotes(tensor.name), ": ", parts...));
  }

  template <class T>
  void check_kind(const tensor_entry& tensor) const {
    if (facts(tensor.type).floating != std::is_floating_point_v<T>)
      fail(tensor, "holds ", facts(tensor.type).name, ", expected ",
           std::is_floating_point_v<T> ? "floating-point numbers" : "integers");
  }

  /// Only F64 and integers can fail to fit.
  static std::string value_text(dtype type, const std::byte* source, index_t element) {
    source += element * facts(type).size;
    if (type == dtype::f64) {
      double value = 0;
      convert_elements(type, source, std::span(&value, 1));
      return concat(value);
    }
    std::int64_t value = 0;
    if (convert_elements(type, source, std::span(&value, 1)) < 0) return std::to_string(value);
    std::uint64_t large = 0;
    std::memcpy(&large, source, sizeof(large));
    return std::to_string(large);
  }

  std::string where_;
  mapped_file file_;
  std::span<const std::byte> data_;
  safetensors_header header_;
  std::map<std::string, std::size_t, std::less<>> positions_;
};

}  // namespace gmoe
