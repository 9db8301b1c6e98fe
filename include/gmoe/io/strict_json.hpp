#pragma once
/// JSON from files that may be broken or hostile.

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/io/in_quotes.hpp"

namespace gmoe {

/// What a text may be at most. A value takes about 16 bytes of memory, and two of text at least.
struct json_limits {
  std::size_t bytes = std::size_t{4} << 20;
  int depth = 32;  ///< lists and objects within each other
};

namespace detail {

/// Where the byte number `byte` (from 1, as the JSON library counts) is, and what stands there: "at line 2, column 7
/// (byte 31), before ', ]'".
inline std::string json_place(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte == 0 ? 0 : std::min(byte - 1, text.size()));
  const std::size_t line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string_view rest = text.substr(before.size());
  return concat("at line ", line, ", column ", before.size() - begin + 1, " (byte ", before.size() + 1, "), ",
                rest.empty() ? "where it ends" : "before " + in_quotes(rest, 20));
}

/// The JSON library takes a zero byte for the end of the text, and would not look behind it.
inline void refuse_zero_byte(std::string_view text, std::string_view where, std::string_view what) {
  if (const std::size_t zero = text.find('\0'); zero != text.npos)
    throw file_error(concat(where, ": ", what, " is not valid JSON: it has a zero byte, number ", zero + 1));
}

}  // namespace detail

/// The one JSON value that `text` is. Throws file_error, beginning with `where`, if it is not JSON as RFC 8259 has it,
/// is longer or deeper than `limits` allow, holds anything behind its value, has a key twice in one object, or a number
/// that double cannot hold.
inline nlohmann::json parse_json(std::string_view text, std::string_view where, json_limits limits = {}) {
  using nlohmann::json;
  require<file_error>(text.size() <= limits.bytes, where, ": has ", text.size(), " bytes, expected JSON of at most ",
                      limits.bytes);
  detail::refuse_zero_byte(text, where, "the text");
  std::vector<std::set<std::string, std::less<>>> keys;  // of the objects that are open
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start)
      require<file_error>(depth < limits.depth, where, ": lists and objects are more than ", limits.depth,
                          " deep, expected at most that");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      require<file_error>(keys.back().insert(key).second, where, ": the key ", in_quotes(key), " occurs twice");
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (const json::parse_error& e) {
    throw file_error(concat(where, ": not valid JSON ", detail::json_place(text, e.byte)));
  } catch (const json::exception&) {
    throw file_error(concat(where, ": has a number beyond the range of double"));
  }
}

/// A value as JSON, short and harmless enough for a message; "a list" and "an object" for what has parts.
inline std::string shown(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() > 80 ? text.substr(0, 80) + "..." : text;
}

}  // namespace gmoe
