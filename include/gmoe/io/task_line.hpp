#pragma once
/// One line of a task file, by the names of its fields.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/nearest_name.hpp"
#include "gmoe/data/choice_question.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/strict_json.hpp"

namespace gmoe {

/// What is asked for and not there, or is another thing, is a file_error that says where.
class task_line {
 public:
  task_line(const nlohmann::json& object, std::string task, std::string where, std::string_view label_beside = "")
      : object_(object), task_(std::move(task)), where_(std::move(where)), label_beside_(label_beside) {}

  const std::string& where() const { return where_; }
  std::string_view label_beside() const { return label_beside_; }
  bool has(const char* name) const { return object_.contains(name); }
  const nlohmann::json& field(const std::string& name) const {
    const auto found = object_.find(name);
    require<file_error>(found != object_.end(), where_, ": has no field '", name, "'");
    return *found;
  }
  std::string text(const std::string& name) const { return text(name, field(name)); }
  std::string text(const std::string& name, const nlohmann::json& value) const {
    require<file_error>(value.is_string() && !value.get_ref<const std::string&>().empty(), where_, ": field '", name,
                        "' is ", shown(value), ", expected a text that is not empty");
    return value.get<std::string>();
  }
  const nlohmann::json& list(const std::string& name, std::size_t least = 1) const {
    return list(name, field(name), least);
  }
  const nlohmann::json& list(const std::string& name, const nlohmann::json& value, std::size_t least = 1) const {
    require<file_error>(value.is_array(), where_, ": field '", name, "' is ", shown(value), ", expected a list");
    require<file_error>(value.size() >= least, where_, ": field '", name, "' has ", value.size(),
                        " entries, expected at least ", least);
    return value;
  }
  std::vector<std::string> texts(const std::string& name, std::size_t least = 1) const {
    return texts(name, field(name), least);
  }
  std::vector<std::string> texts(const std::string& name, const nlohmann::json& value, std::size_t least = 1) const {
    std::vector<std::string> all;
    for (const nlohmann::json& entry : list(name, value, least))
      all.push_back(text(concat(name, "[", all.size(), "]"), entry));
    return all;
  }
  /// A list of whole numbers, one at least.
  std::vector<std::int64_t> numbers(const std::string& name, const nlohmann::json& value, std::int64_t least,
                                    std::int64_t most) const {
    std::vector<std::int64_t> all;
    for (const nlohmann::json& entry : list(name, value)) {
      const bool whole = entry.is_number_unsigned() && entry.get<std::uint64_t>() <= static_cast<std::uint64_t>(most);
      require<file_error>(whole && entry.get<std::int64_t>() >= least, where_, ": field '", name, "[", all.size(),
                          "]' is ", shown(entry), ", expected a whole number from ", least, " to ", most);
      all.push_back(entry.get<std::int64_t>());
    }
    return all;
  }
  /// Token ids, one at least.
  std::vector<id_type> tokens(const std::string& name, const nlohmann::json& value) const {
    const std::vector<std::int64_t> all = numbers(name, value, 0, std::numeric_limits<id_type>::max());
    return {all.begin(), all.end()};
  }
  /// A place in a list of `count`, from 0, as a number or as a text of one.
  std::size_t place(const std::string& name, std::size_t count) const { return place(name, field(name), count); }
  std::size_t place(const std::string& name, const nlohmann::json& value, std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i)
      if (value == i || value == std::to_string(i)) return i;
    throw file_error(concat(where_, ": field '", name, "' is ", shown(value), ", expected 0 to ", count - 1,
                            ", the place of the right choice"));
  }
  /// The place of a name, such as "B", among those of the choices.
  std::size_t place(const std::string& name, const nlohmann::json& value, const std::vector<std::string>& names) const {
    std::string expected;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (value == names[i]) return i;
      expected += (i == 0 ? "" : ", ") + in_quotes(names[i], 20);
    }
    throw file_error(concat(where_, ": field '", name, "' is ", shown(value), ", expected one of ", expected));
  }
  choice_question question(std::string context, std::vector<std::string> choices, std::size_t answer) const {
    return {task_, where_, std::move(context), std::move(choices), answer};
  }
  /// Every field must be one of these names.
  template <class Names>
  void refuse_others(const Names& names) const {
    for (const auto& [name, value] : object_.items())
      if (std::find(names.begin(), names.end(), name) == names.end())
        throw file_error(concat(where_, ": there is no field ", in_quotes(name), "; did you mean '",
                                nearest_name(name, names), "'?"));
  }
  task_line within(const char* name) const {
    const nlohmann::json& inner = field(name);
    require<file_error>(inner.is_object(), where_, ": field '", name, "' is ", shown(inner), ", expected an object");
    return {inner, task_, where_};
  }

 private:
  const nlohmann::json& object_;
  std::string task_, where_;
  std::string_view label_beside_;
};

}  // namespace gmoe
