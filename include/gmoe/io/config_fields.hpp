#pragma once
/// The fields of a JSON object in a file, read one by one with checks.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/data/mapped_file.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/strict_json.hpp"

namespace gmoe {

/// A file that holds one JSON object. A field that is null counts as absent. Every mistake is a file_error that names
/// file, field, the value found and what was expected.
class config_fields {
 public:
  explicit config_fields(const std::filesystem::path& path) : where_("config " + in_quotes(path.string(), 4096)) {
    const mapped_file file(path);
    const auto bytes = file.bytes();
    object_ = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where_);
    require<file_error>(object_.is_object(), where_, ": holds ", shown(object_), ", expected an object");
  }

  bool has(const char* name) const { return find(name) != nullptr; }

  /// A whole number in [least, most].
  index_t integer(const char* name, index_t least, index_t most = largest) const {
    return to_integer(name, needed(name), least, most);
  }
  std::optional<index_t> integer_if(const char* name, index_t least, index_t most = largest) const {
    const nlohmann::json* value = find(name);
    if (!value) return std::nullopt;
    return to_integer(name, *value, least, most);
  }
  std::optional<std::vector<index_t>> integers_if(const char* name, index_t least, index_t most) const {
    const nlohmann::json* value = find(name);
    if (!value) return std::nullopt;
    if (!value->is_array()) fail(name, "is ", shown(*value), ", expected a list of whole numbers");
    std::vector<index_t> list;
    for (const nlohmann::json& entry : *value) list.push_back(to_integer(name, entry, least, most));
    return list;
  }

  /// A finite number in [least, most].
  double number(const char* name, double otherwise, double least,
                double most = std::numeric_limits<double>::max()) const {
    const nlohmann::json* value = find(name);
    if (!value) return otherwise;
    if (!value->is_number()) fail(name, "is ", shown(*value), ", expected a number");
    const double x = value->get<double>();
    if (!std::isfinite(x) || x < least || x > most) {
      if (most == std::numeric_limits<double>::max()) fail(name, "is ", shown(*value), ", expected at least ", least);
      fail(name, "is ", shown(*value), ", expected ", least, " to ", most);
    }
    return x;
  }

  bool boolean(const char* name, bool otherwise) const {
    const nlohmann::json* value = find(name);
    if (!value) return otherwise;
    if (!value->is_boolean()) fail(name, "is ", shown(*value), ", expected true or false");
    return value->get<bool>();
  }

  std::string text(const char* name) const {
    const nlohmann::json& value = needed(name);
    if (!value.is_string()) fail(name, "is ", shown(value), ", expected a text");
    return value.get<std::string>();
  }

  /// Throws file_error about a field.
  template <class... Parts>
  [[noreturn]] void fail(const char* name, const Parts&... parts) const {
    throw file_error(concat(where_, ": ", name, " ", parts...));
  }

 private:
  /// What a size of a model may be at most.
  static constexpr index_t largest = (index_t{1} << 31) - 1;

  const nlohmann::json* find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  const nlohmann::json& needed(const char* name) const {
    const nlohmann::json* value = find(name);
    if (!value) fail(name, object_.contains(name) ? "is null" : "is missing");
    return *value;
  }

  index_t to_integer(const char* name, const nlohmann::json& value, index_t least, index_t most) const {
    if (!value.is_number_integer()) fail(name, "is ", shown(value), ", expected a whole number");
    // An unsigned number beyond the signed ones would come back negative.
    const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most);
    const index_t n = huge ? most : static_cast<index_t>(value.get<std::int64_t>());
    if (huge || n < least || n > most) fail(name, "is ", shown(value), ", expected ", least, " to ", most);
    return n;
  }

  std::string where_;
  nlohmann::json object_;
};

}  // namespace gmoe
