#pragma once
/// Names that are written in the program: they live for ever, and cost nothing to keep.

#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace gmoe {

/// A string literal.
struct literal {
  std::string_view text;
  consteval literal(const char* s) : text(s) {}
};

/// A name that is put together when a model is made, such as "first/second". It lives for ever, too; equal ones are
/// one.
inline std::string_view lasting_name(std::string name) {
  static std::mutex one_at_a_time;
  static std::set<std::string> all;
  const std::lock_guard lock(one_at_a_time);
  return *all.insert(std::move(name)).first;
}

}  // namespace gmoe
