#pragma once
/// Reads the JSON header of a safetensors file that may be broken or hostile.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/io/dtype.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/safetensors_header.hpp"
#include "gmoe/io/strict_json.hpp"
#include "gmoe/io/tensor_entry.hpp"

namespace gmoe {

namespace detail {

/// Listens to the JSON parser. The format has a fixed nesting, so everything else is refused where it begins: no
/// depth of brackets can exhaust memory, and no tree is built.
class header_listener {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  header_listener(safetensors_header& out, std::string_view text, index_t data_bytes, std::string_view where)
      : out_(out), text_(text), data_bytes_(data_bytes), where_(where) {}

  bool null() { unexpected("null"); }
  bool boolean(bool value) { unexpected(value ? "true" : "false"); }
  bool binary(binary_t&) { unexpected("binary data"); }
  bool number_integer(number_integer_t value) { unexpected(value ? std::to_string(value) : "-0"); }
  bool number_float(number_float_t, const string_t& text) { unexpected(in_quotes(text, 40)); }
  bool number_unsigned(number_unsigned_t value) {
    const bool in_shape = place_ == place::shape;
    if (!in_shape && place_ != place::offsets) unexpected(std::to_string(value));
    check(std::in_range<index_t>(value), in_shape ? "dimension " : "offset ", value, " is out of range");
    if (!in_shape) check(offsets_.size() < 2, "'data_offsets' has more than 2 numbers");
    (in_shape ? tensor_.shape : offsets_).push_back(static_cast<index_t>(value));
    return true;
  }

  bool string(string_t& value) {
    if (place_ == place::metadata) {
      out_.metadata[metadata_key_] = std::move(value);
    } else if (place_ == place::tensor && field_ == field::type) {
      const auto type = find_dtype(value);
      check(type.has_value(), "unknown dtype ", in_quotes(value), ", expected ", dtype_list());
      tensor_.type = *type;
    } else {
      unexpected(in_quotes(value));
    }
    return true;
  }

  bool start_object(std::size_t) {
    if (place_ == place::outside)
      place_ = place::header;
    else if (place_ == place::header)
      place_ = in_metadata_ ? place::metadata : place::tensor;
    else
      unexpected("an object");
    return true;
  }

  bool key(string_t& key) {
    if (place_ == place::header) {
      in_metadata_ = key == "__metadata__";
      tensor_ = {};
      tensor_.name = std::move(key);
      offsets_.clear();
      seen_ = 0;
      if (in_metadata_) check(!std::exchange(had_metadata_, true), "the key '__metadata__' occurs twice");
    } else if (place_ == place::metadata) {
      check(!out_.metadata.contains(key), "key ", in_quotes(key), " occurs twice");
      metadata_key_ = std::move(key);
    } else {
      if (key == "dtype")
        field_ = field::type;
      else if (key == "shape")
        field_ = field::shape;
      else if (key == "data_offsets")
        field_ = field::offsets;
      else
        fail("unknown key ", in_quotes(key), ", expected 'dtype', 'shape' and 'data_offsets'");
      const unsigned bit = 1u << static_cast<unsigned>(field_);
      check(!(seen_ & bit), "key ", in_quotes(key), " occurs twice");
      seen_ |= bit;
    }
    return true;
  }

  bool end_object() {
    if (place_ == place::tensor) finish_tensor();
    place_ = place_ == place::header ? place::outside : place::header;
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ == place::tensor && field_ == field::shape)
      place_ = place::shape;
    else if (place_ == place::tensor && field_ == field::offsets)
      place_ = place::offsets;
    else
      unexpected("an array");
    return true;
  }

  bool end_array() {
    if (place_ == place::offsets)
      check(offsets_.size() == 2, "'data_offsets' has ", offsets_.size(), " numbers, expected 2");
    place_ = place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    const bool outside = place_ == place::outside || place_ == place::header;
    throw file_error(concat(where_, ": the header is not valid JSON ", json_place(text_, position),
                            outside ? "" : ", in " + in_quotes(tensor_.name)));
  }

 private:
  enum class place { outside, header, metadata, tensor, shape, offsets };
  enum class field { type, shape, offsets };

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw file_error(concat(where_, ": ", in_metadata_ ? "" : "tensor ", in_quotes(tensor_.name), ": ", parts...));
  }

  template <class... Parts>
  void check(bool ok, const Parts&... parts) const {
    if (!ok) fail(parts...);
  }

  [[noreturn]] void unexpected(const std::string& found) const {
    std::string expected;
    switch (place_) {
      case place::outside:
        throw file_error(concat(where_, ": the header is ", found, ", expected an object"));
      case place::header:
        expected = "an object";
        break;
      case place::metadata:
        expected = "a string for key " + in_quotes(metadata_key_);
        break;
      case place::shape:
        expected = "a whole number from 0 up in 'shape'";
        break;
      case place::offsets:
        expected = "a whole number from 0 up in 'data_offsets'";
        break;
      case place::tensor:
        expected = field_ == field::type    ? "a string for 'dtype'"
                   : field_ == field::shape ? "an array for 'shape'"
                                            : "an array for 'data_offsets'";
    }
    fail("found ", found, ", expected ", expected);
  }

  void finish_tensor() {
    for (const auto& [bit, name] : {std::pair{1u, "dtype"}, {2u, "shape"}, {4u, "data_offsets"}})
      check(seen_ & bit, "has no '", name, "'");
    tensor_.begin = offsets_[0];
    tensor_.end = offsets_[1];
    check(tensor_.begin <= tensor_.end, "begins at byte ", tensor_.begin, ", behind its end ", tensor_.end);
    check(tensor_.end <= data_bytes_, "ends at byte ", tensor_.end, ", but the file has ", data_bytes_,
          " bytes of data");
    const index_t expected = dense_bytes(tensor_.type, tensor_.shape);
    check(expected >= 0, "shape ", shape_text(tensor_.shape), " of ", facts(tensor_.type).name, " is too large");
    check(tensor_.size_bytes() == expected, "has ", tensor_.size_bytes(), " bytes, but shape ",
          shape_text(tensor_.shape), " of ", facts(tensor_.type).name, " needs ", expected);
    out_.tensors.push_back(std::move(tensor_));
  }

  static std::string dtype_list() {
    std::string list;
    for (const dtype_facts& known : dtype_table) (list += list.empty() ? "" : ", ") += known.name;
    return list;
  }

  safetensors_header& out_;
  std::string_view text_;
  index_t data_bytes_;
  std::string_view where_;
  place place_ = place::outside;
  field field_ = field::type;
  unsigned seen_ = 0;
  bool in_metadata_ = false, had_metadata_ = false;
  tensor_entry tensor_;
  std::vector<index_t> offsets_;
  std::string metadata_key_;
};

}  // namespace detail

/// Reads and checks the JSON of a header; `data_bytes` is the size of the data section, `where` begins every message.
/// Throws file_error unless the tensors have distinct names and tile the data section exactly.
inline safetensors_header parse_safetensors_header(std::string_view text, index_t data_bytes, std::string_view where) {
  require<file_error>(text.starts_with('{'), where, ": the header is not JSON, expected it to begin with '{'");
  detail::refuse_zero_byte(text, where, "the header");
  safetensors_header header;
  detail::header_listener listener(header, text, data_bytes, where);
  nlohmann::json::sax_parse(text.begin(), text.end(), &listener);

  check_tiling(header, data_bytes, where);
  return header;
}

}  // namespace gmoe
