#pragma once
/// What the header of a safetensors file says: 8 bytes of length, then JSON that tells where each tensor lies.
///
/// Format: https://huggingface.co/docs/safetensors. As its reference implementation does, this one accepts only files
/// whose tensors tile the data section: no overlap, no hole, nothing behind the last one.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/io/dtype.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/tensor_entry.hpp"

namespace gmoe {

/// What a header says.
struct safetensors_header {
  std::vector<tensor_entry> tensors;            ///< in the order of their bytes
  std::map<std::string, std::string> metadata;  ///< `__metadata__`, empty where the file has none
};

/// The longest header that is read or written, in bytes (the format's own limit).
inline constexpr std::uint64_t max_safetensors_header = 100'000'000;

/// Throws file_error unless the tensors have distinct names and tile [0, data_bytes) exactly; puts them in the order of
/// their bytes. `where` begins every message.
inline void check_tiling(safetensors_header& header, index_t data_bytes, std::string_view where) {
  auto& tensors = header.tensors;
  std::vector<std::string_view> names;
  for (const tensor_entry& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) throw file_error(concat(where, ": tensor ", in_quotes(*twice), " occurs twice"));

  std::sort(tensors.begin(), tensors.end(), [](const tensor_entry& a, const tensor_entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  index_t covered = 0;
  const std::string* previous = nullptr;
  for (const tensor_entry& tensor : tensors) {
    if (tensor.begin < covered)
      throw file_error(concat(where, ": tensor ", in_quotes(tensor.name), " begins at byte ", tensor.begin,
                              " and overlaps tensor ", in_quotes(*previous), ", which ends at ", covered));
    if (tensor.begin > covered)
      throw file_error(concat(where, ": tensor ", in_quotes(tensor.name), " begins at byte ", tensor.begin,
                              ", expected ", covered, ": the file has a hole"));
    covered = tensor.end;
    previous = &tensor.name;
  }
  require<file_error>(covered == data_bytes, where, ": the tensors end at byte ", covered, ", but the file has ",
                      data_bytes, " bytes of data");
}

/// The first bytes of a file with these tensors: the length, then JSON padded with spaces to a multiple of 8.
/// Throws config_error if a name is not UTF-8 or the header would exceed its limit.
inline std::string write_safetensors_header(const safetensors_header& header) {
  const auto json_text = [](const std::string& text) {
    try {
      return nlohmann::json(text).dump();
    } catch (const nlohmann::json::exception&) {
      throw config_error(concat("safetensors: the name or text ", in_quotes(text), " is not valid UTF-8"));
    }
  };
  std::string out(8, '\0');
  out += '{';
  const char* comma = "";
  if (!header.metadata.empty()) {
    out += "\"__metadata__\":{";
    for (const auto& [key, value] : header.metadata) {
      out += comma + json_text(key) + ':' + json_text(value);
      comma = ",";
    }
    out += '}';
  }
  for (const tensor_entry& tensor : header.tensors) {
    out += comma + json_text(tensor.name) + ":{\"dtype\":\"" + std::string(facts(tensor.type).name) + "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) out += (i ? "," : "") + std::to_string(tensor.shape[i]);
    out += "],\"data_offsets\":[" + std::to_string(tensor.begin) + ',' + std::to_string(tensor.end) + "]}";
    comma = ",";
  }
  out += '}';
  out.resize((out.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = out.size() - 8;
  require(length <= max_safetensors_header, "safetensors: the header takes ", length, " bytes, the format allows ",
          max_safetensors_header);
  std::memcpy(out.data(), &length, sizeof(length));
  return out;
}

}  // namespace gmoe
