#pragma once
/// Names that are written in the program: they live for ever, and cost nothing to keep.

#include <string_view>

namespace gmoe {

/// A string literal.
struct literal {
  std::string_view text;
  consteval literal(const char* s) : text(s) {}
};

}  // namespace gmoe
