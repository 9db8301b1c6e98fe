#pragma once
/// Tables for a terminal.

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "plan.hpp"

namespace compare {

inline std::string format(const char* how, double value) {
  char text[64];
  std::snprintf(text, sizeof text, how, value);
  return text;
}

/// Columns as wide as their widest entry; the first flush left.
inline std::string lay_out(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width(rows.front().size(), 0);
  // "±" is two bytes and one place, as are others that UTF-8 continues with 10xxxxxx.
  const auto places = [](const std::string& s) {
    return static_cast<std::size_t>(std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  };
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], places(row[c]));
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string pad(width[c] - places(row[c]), ' ');
      text += c == 0 ? row[c] + pad : "  " + pad + row[c];
    }
    text += '\n';
  }
  return text;
}

/// What the noise says of a cell: "*" better than every other variant, "~" within noise of the best mean.
inline std::string mark_of(const json& row, const std::string& key) {
  const auto verdict = row.at("verdicts").find(key);
  if (verdict == row["verdicts"].end()) return "";
  return *verdict == "best" ? "*" : *verdict == "tied" ? "~" : " ";
}

}  // namespace compare
