#pragma once
/// Numbers with their nouns.

#include <string>
#include <string_view>

#include "gmoe/core/error.hpp"

namespace examples {

/// "1 step", "2 steps".
template <class Number>
std::string counted(Number n, std::string_view noun) {
  return gmoe::concat(n, " ", noun, n == 1 ? "" : "s");
}

}  // namespace examples
